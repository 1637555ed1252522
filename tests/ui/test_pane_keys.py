"""The panes' own keys, and what the panes show."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from textual.widgets import DataTable

from core import events as ev
from tests.ui.canned import Canned, live
from tests.ui.watching import Watching, watch
from tui.gallery import Show
from tui.render.heatmap import Normalise
from tui.render.layers import HEADS
from tui.widgets.classes import COLUMNS, ClassTable
from tui.widgets.confusion import ConfusionGrid, ConfusionSide
from tui.widgets.images import ImageGrid
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


def test_class_table_sorts_reverses_filters_and_groups(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        table = watched.screen.query_one(ClassTable)

        def names() -> list[str]:
            return [str(cell) for cell in table.get_column("class")]

        hardest_first = names()
        assert len(hardest_first) == 100
        await watched.press("r")
        assert set(names()[:3]) & set(hardest_first[-10:])
        table.column = next(index for index, column in enumerate(COLUMNS) if column[0] == "class")
        await watched.press("r")
        assert names() == sorted(names())
        await watched.press("slash", *"_tree")
        assert names() == ["maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"]
        await watched.press("enter")
        assert watched.screen.focused is table
        await watched.press("escape")
        assert len(names()) == 100
        await watched.press("g")
        groups = [str(cell) for cell in table.get_column("superclass")]
        assert groups == sorted(groups)
        before = table.column
        await watched.press("o")
        assert table.column != before

    watch(live(tmp_path, 100), act)


@pytest.mark.parametrize(
    ("width", "shown"),
    [(80, False), (90, False), (100, True), (110, False), (120, True)],
    ids=["80 columns", "90 columns", "100 columns", "110 columns", "120 columns"],
)
def test_superclasses_have_a_column_only_where_its_head_has_room(tmp_path: Path, width: int, shown: bool) -> None:
    async def act(watched: Watching) -> None:
        head = next(line for line in (await watched.press("2")).splitlines() if "taken for" in line)
        assert head.split("taken for")[1].strip() == ("superclass" if shown else "")

    watch(live(tmp_path, 100), act, (width, 24))


def test_class_table_says_why_it_is_empty(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "The first evaluation fills this table" in await watched.press("2")
        watched.run.end_epoch()
        await watched.catch_up()
        assert "fills this table" not in watched.text
        assert "frog" in watched.text
        assert "No class holds “xq”" in await watched.press("slash", *"xq")
        assert "frog" in await watched.press("escape")

    watch(Canned(tmp_path).start().train(50), act)


def test_class_table_updates_cells_in_place(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        table = watched.screen.query_one(ClassTable)
        table.column = 0  # an order that no epoch changes
        table.refill()
        table.move_cursor(row=4)
        rows = list(table.rows)
        watched.run.train(70).end_epoch()
        await watched.catch_up()
        assert list(table.rows) == rows
        assert table.cursor_row == 4

    watch(live(tmp_path), act)


def test_enter_on_a_class_shows_its_mistakes(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        watched.screen.query_one(DataTable).move_cursor(row=0)
        text = await watched.press("enter")
        images = watched.screen.query_one(ImageGrid)
        assert images.subject.title == "cat"
        assert "mistakes, surest first, cat" in text
        assert "(cat)" in text

    watch(live(tmp_path, with_images=True), act)


def test_confusion_keys_change_what_is_shown(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "down", "right", "right")
        grid = watched.screen.query_one(ConfusionGrid)
        assert grid.choices.cursor == (1, 2)
        text = await watched.press("m")
        assert grid.choices.normalise is Normalise.COLUMN
        assert "% of predicted" in text
        assert "counts" in await watched.press("m")
        await watched.press("h")
        assert grid.choices.hide_diagonal
        assert "against epoch 3" in await watched.press("b")
        assert "epoch 3" in await watched.press("left_square_bracket")
        await watched.press("right_square_bracket")
        assert grid.choices.epoch is None
        await watched.press("up", "left")
        assert grid.choices.cursor == (0, 1)

    watch(live(tmp_path), act)


def test_enter_on_a_cell_shows_its_very_images(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "right", "enter")
        images = watched.screen.query_one(ImageGrid)
        assert images.subject.title == "airplane → automobile"
        counts = watched.screen.state.confusion
        assert counts is not None
        assert f"of {counts[0, 1]}" in watched.text
        assert "✗ automobile (airplane)" in watched.text
        assert "✗ deer" not in watched.text

    watch(live(tmp_path, with_images=True), act)


def test_enter_on_the_diagonal_shows_the_images_that_were_recognized(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "down", "right", "enter")
        counts = watched.screen.state.confusion
        assert counts is not None
        assert re.search(rf"of {counts[1, 1]}\b", watched.text)
        assert "✓ automobile" in watched.text

    watch(live(tmp_path, with_images=True), act)


def test_a_cell_of_an_earlier_epoch_opens_into_the_images_of_that_epoch(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press("3", "right", "left_square_bracket", "left_square_bracket", "enter")
        counts = watched.screen.state.epochs[1].validation.confusion
        assert "epoch 2" in text
        assert re.search(rf"of {counts[0][1]}\b", text), text.splitlines()[3]
        await watched.press("slash", "c", "a", "t")
        assert watched.screen.query_one(ImageGrid).epoch == 2
        await watched.press("enter", "home")
        assert "The images come with the run's start" in watched.text
        assert "epoch 1" in await watched.press("right_curly_bracket")

    watch(live(tmp_path, with_images=True), act)


def test_long_names_of_superclasses_leave_room_for_what_was_taken_for_what(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3")
        side = watched.screen.query_one(ConfusionSide)
        listed = [line.text.strip("│ ") for line in side.draw(40, 36) if "→" in line.text]
        assert listed
        for line in listed:
            actual, predicted = line.split(None, 2)[2].split(" → ")
            assert len(actual) >= 10 or not actual.endswith("…")
            assert len(predicted) >= 10 or not predicted.endswith("…")
        await watched.press("enter")
        text = await watched.press("b", "b", "b")
        assert "against epoch" in text.splitlines()[3]

    watch(live(tmp_path, 100), act, (100, 40))


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


def test_superclass_opens_into_its_classes_and_closes(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "aquatic_mammals" in await watched.press("3")
        text = await watched.press("enter")
        assert "within aquatic_mammals" in text
        assert "beaver" in text
        assert "within" not in await watched.press("escape")
        grid = watched.screen.query_one(ConfusionGrid)
        await watched.press("g")
        assert len(grid.choices.groups(watched.screen.state)) == 100
        await watched.press("g")
        assert len(grid.choices.groups(watched.screen.state)) == 20

    watch(live(tmp_path, 100), act)


def test_image_keys_page_filter_and_step_through_epochs(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("4")
        images = watched.screen.query_one(ImageGrid)
        await watched.press("pagedown")
        assert images.first > 0
        await watched.press("pageup", "right", "down")
        assert images.cursor == 4
        await watched.press("left", "up")
        assert images.cursor == 0
        await watched.press("m")
        assert images.showing is Show.DOUBTFUL
        assert "✓" in watched.text
        await watched.press("m", "m", "left_square_bracket")
        assert images.epoch == 3
        await watched.press("right_square_bracket")
        assert images.epoch is None
        await watched.press("slash", *"cat>dog")
        assert images.subject.title == "cat → dog"
        await watched.press("enter", "escape")
        assert images.subject.title == ""

    watch(live(tmp_path, with_images=True), act)


def test_log_scrolls_and_follows(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        for number in range(60):
            watched.run.emit(ev.Notice(level="info", text=f"notice {number}"))
        await watched.press("7")
        assert "notice 59" in await watched.catch_up()
        assert "notice 59" not in await watched.press("home")
        assert "starting: loading PyTorch" in watched.text
        await watched.press("down", "pagedown", "pageup", "up")
        assert "notice 59" in await watched.press("end")
        watched.run.emit(ev.Notice(level="info", text="the newest"))
        assert "the newest" in await watched.catch_up()

    watch(live(tmp_path), act)


def test_stray_prints_of_the_trainer_are_in_the_log_pane_only(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        watched.run.folder.log_file.write_text("some library says \x1b[31mhello\x1b[0m\n")
        assert "some library" not in await watched.catch_up()
        assert "some library says hello" in await watched.press("7")

    watch(live(tmp_path), act)
