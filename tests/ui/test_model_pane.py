"""The model pane: the plan as it is now, and a table of layers that is nowhere cut off."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from core import events as ev
from tests.ui.canned import Canned, live
from tests.ui.watching import Watching, watch
from tui.render.layers import HEADS
from tui.widgets.model import Facts, LayerTable


def test_the_model_pane_tells_the_plan_as_it_is_now(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "1,000 of 100, 100 an epoch" in await watched.press("5")
        watched.run.steer("epochs", "6").steer("lr", "0.5")
        text = await watched.catch_up()
        assert "600 of 100, 100 an epoch" in text
        assert "6 since step 430 (10 at the" in text
        assert "lr 0.001 (×0.5 at" in text
        plan = watched.screen.scene.state.plan
        assert plan is not None
        watched.run.emit(ev.RolledBack(from_step=400, from_epoch=4, reason="diverged", plan=plan))
        assert "by rollback" in await watched.catch_up()

    watch(live(tmp_path), act, (200, 60))


def test_facts_leave_the_table_of_layers_the_columns_that_it_needs(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    wide = msgspec.structs.replace(run._run_started().layers[0], name="block3.conv2", kind="average pool 4x4")
    run.emit(msgspec.structs.replace(run._run_started(), layers=[wide]))

    async def act(watched: Watching) -> None:
        await watched.press("5")
        await watched.settle()
        assert "sees" in watched.text
        assert watched.screen.query_one(LayerTable).max_scroll_x == 0
        assert watched.screen.query_one(Facts).size.width >= 36

    watch(run, act)


@pytest.mark.parametrize(("columns", "bars", "facts"), [(140, True, True), (110, False, True), (90, True, False)])
def test_the_table_of_layers_is_never_cut_off_beside_the_facts(
    columns: int, bars: bool, facts: bool, tmp_path: Path
) -> None:
    run = Canned(tmp_path)
    wide = msgspec.structs.replace(run._run_started().layers[0], name="block3.conv2", kind="average pool 4x4")
    run.emit(msgspec.structs.replace(run._run_started(), layers=[wide] * 60))

    async def act(watched: Watching) -> None:
        await watched.press("5")
        await watched.settle()
        assert "sees" in watched.text
        assert watched.screen.query_one(LayerTable).max_scroll_x == 0
        assert (len(watched.screen.query_one(LayerTable).columns) == len(HEADS)) == bars
        assert watched.screen.query_one(Facts).display == facts

    watch(run, act, (columns, 40))
