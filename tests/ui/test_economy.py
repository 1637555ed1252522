"""What is drawn when, and what is said only once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from textual.strip import Strip

from core import events as ev
from core.events import Record
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import Watching, fold, watch
from tui import source
from tui.source import LiveSource
from tui.widgets.header import Header
from tui.widgets.log import EventLines, wrapped
from tui.widgets.plots import PlotPane
from tui.widgets.system import time_spent


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the plots drawn, and `read` for each look at the log, in their order."""
    happened: list[str] = []
    draw, advance = PlotPane.draw, LiveSource.advance

    def drawing(self: PlotPane, width: int, height: int) -> list[Strip]:
        happened.append(self.title)
        return draw(self, width, height)

    def reading(self: LiveSource) -> list[Record]:
        happened.append("read")
        return advance(self)

    monkeypatch.setattr(PlotPane, "draw", drawing)
    monkeypatch.setattr(LiveSource, "advance", reading)
    return happened


def test_something_is_drawn_before_the_log_is_read(tmp_path: Path, drawn: list[str]) -> None:
    async def act(watched: Watching) -> None:
        assert "read" in drawn
        assert drawn[0] != "read"

    watch(live(tmp_path), act)


def test_scrolling_lays_out_no_line_of_the_log_again(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("7")
        before = wrapped.cache_info().misses
        await watched.press("up", "up")
        assert wrapped.cache_info().misses == before

    watch(live(tmp_path), act, (80, 24))


def test_plots_wait_for_steps_that_can_be_seen(tmp_path: Path, drawn: list[str]) -> None:
    run = Canned(tmp_path, num_epochs=4, steps_per_epoch=5000).start()
    for _ in range(10):
        run.emit(run._batches(500), 10.0)

    async def act(watched: Watching) -> None:
        drawn.clear()
        run.train(10)
        await watched.catch_up()
        assert set(drawn) == {"read"}  # ten of five thousand steps are less than half a dot
        run.train(60)
        await watched.catch_up()
        assert {"Loss", "Accuracy", "Learning rate"} <= set(drawn)
        drawn.clear()
        run.emit(run._batches(1), 1.0)
        await watched.catch_up()
        assert "Loss" in drawn  # the newest value is never older than a second

    watch(run, act)


@pytest.mark.parametrize(
    ("device", "too_soon", "more"), [("cuda:0", 0.2, 0.25), ("cpu", 0.6, 0.36)], ids=["twice on a GPU", "once on a CPU"]
)
def test_curves_move_so_often_a_second(
    tmp_path: Path, drawn: list[str], device: str, too_soon: float, more: float
) -> None:
    run = Canned(tmp_path, num_epochs=1, steps_per_epoch=100)
    run.device = msgspec.structs.replace(run.device, name=device)
    run.start().emit(run._batches(10), 1.0)

    async def act(watched: Watching) -> None:
        drawn.clear()
        run.emit(run._batches(5), too_soon)
        await watched.catch_up()
        assert "Loss" not in drawn
        run.emit(run._batches(5), more)
        await watched.catch_up()
        assert "Loss" in drawn
        drawn.clear()
        run.emit(run._batches(5), 0.1)
        run.end_epoch()  # what is rarer than steps is shown at once
        await watched.catch_up()
        assert "Loss" in drawn

    watch(run, act)


def test_status_lines_are_drawn_anew_only_when_something_has_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Strip] = []
    draw = Header.draw

    def drawing(self: Header, width: int, height: int) -> list[Strip]:
        strips = draw(self, width, height)
        lines.extend(strips)
        return strips

    monkeypatch.setattr(Header, "draw", drawing)

    async def act(watched: Watching) -> None:
        lines.clear()
        await watched.catch_up()
        assert not lines
        watched.run.emit(watched.run._batches(1), 0.1)
        await watched.catch_up()
        assert any("step 431" in line.text for line in lines)
        lines.clear()
        await watched.press("f")
        assert any("VIEW FROZEN" in line.text for line in lines)

    watch(live(tmp_path), act)


def test_steps_are_drawn_at_once_where_the_window_shows_them(tmp_path: Path, drawn: list[str]) -> None:
    run = Canned(tmp_path, num_epochs=4, steps_per_epoch=5000).start()
    for _ in range(10):
        run.emit(run._batches(500), 10.0)

    async def act(watched: Watching) -> None:
        await watched.press(*["plus"] * 5)
        drawn.clear()
        run.emit(run._batches(10), 0.5)
        await watched.catch_up()
        assert "Loss" in drawn

    watch(run, act)


def test_samples_of_the_machine_leave_the_curves_of_the_training_alone(tmp_path: Path, drawn: list[str]) -> None:
    async def act(watched: Watching) -> None:
        drawn.clear()
        watched.run.emit(ev.SystemSampled(cpu_percent=50.0, memory_bytes=1 << 30), 2.0)
        await watched.catch_up()
        assert set(drawn) == {"read", "Load"}

    watch(live(tmp_path), act, (200, 60))


def test_the_log_is_told_anew_only_when_there_is_more_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []
    tell = EventLines.lines

    def telling(self: EventLines, width: int) -> list[Strip]:
        widths.append(width)
        return tell(self, width)

    monkeypatch.setattr(EventLines, "lines", telling)

    async def act(watched: Watching) -> None:
        await watched.press("7")
        widths.clear()
        watched.run.train(30)
        await watched.catch_up()
        assert not widths
        watched.run.end_epoch()
        assert "epoch 5: top-1" in await watched.catch_up()

    watch(live(tmp_path), act)


def test_a_long_log_is_read_bit_by_bit_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_SLICE_BYTES", 100)

    async def act(watched: Watching) -> None:
        await watched.see("● TRAINING")
        assert "step 430/1,000" in watched.text

    watch(live(tmp_path), act)


def _num_toasts(watched: Watching) -> int:
    return len(watched.app._notifications)


@pytest.mark.parametrize(("pane", "status", "num_toasts"), [
    ("1", "done", 0), ("7", "done", 0), ("2", "done", 1), ("1", "refused", 1), ("7", "refused", 1),
])  # fmt: skip
def test_an_answer_pops_up_unless_the_log_in_view_says_it(
    tmp_path: Path, pane: str, status: str, num_toasts: int
) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(pane, "c")
        [(identifier, _)] = watched.commands()
        watched.run.command("checkpoint", status=status, message="so it is", identifier=identifier)  # type: ignore[arg-type]
        await watched.catch_up()
        assert _num_toasts(watched) == num_toasts
        await watched.see("so it is")

    watch(live(tmp_path), act)


@pytest.mark.parametrize("make", [live, ended])
def test_footer_offers_to_rewind_and_to_come_back(tmp_path: Path, make: Callable[[Path], Canned]) -> None:
    async def act(watched: Watching) -> None:
        assert "( Rewind" in watched.text
        assert "1-7 Panes" not in watched.text  # the line of names says it
        text = await watched.press("left_parenthesis")
        assert "REWOUND" in text
        assert "End Now" in text or "End End" in text
        assert "( Rewind" in await watched.press("end")

    watch(make(tmp_path), act)


def test_footer_without_a_line_of_names_offers_the_digits(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "1-7 Panes" in watched.text

    watch(live(tmp_path), act, (80, 24))


# -- where the time went ----------------------------------------------------------------------------------------------


def _with_data_seconds(run: Canned) -> Canned:
    batches = run._batches(50)
    run.emit(msgspec.structs.replace(batches, data_seconds=0.25 * batches.seconds), batches.seconds)
    return run


def test_training_is_split_into_computing_and_data(tmp_path: Path) -> None:
    state = fold(_with_data_seconds(Canned(tmp_path).start()))
    spent = time_spent(state)
    assert spent["data"] == pytest.approx(0.25)
    assert spent["computing"] == pytest.approx(0.75)
    assert sum(spent.values()) == pytest.approx(state.seconds)


def test_a_rewind_takes_its_share_of_the_data_seconds_back(tmp_path: Path) -> None:
    run = _with_data_seconds(Canned(tmp_path).start())
    run.emit(ev.RolledBack(from_step=20, from_epoch=0, reason="diverged", plan=ev.LrPlan(steps=[0], lr=[0.1])))
    assert fold(run).data_seconds == pytest.approx(0.1)


def test_system_pane_says_what_is_known_of_the_data(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "is not known" in await watched.press("6")
        _with_data_seconds(watched.run)
        text = await watched.catch_up()
        assert "is not known" not in text
        assert "computing" in text

    watch(live(tmp_path), act)


def test_a_map_that_is_cut_says_so(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "of 20, epoch 4" in watched.text, watched.text

    watch(live(tmp_path, 100), act, (86, 24))
