"""Every key of the comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.ui.canned import Canned, ended, live
from tui.app import DashboardApp
from tui.compare.board import Board, Compared
from tui.compare.drawings import draw_curves, draw_settings
from tui.compare.pair import draw_classes, draw_confusion, draw_images
from tui.render.palettes import Look, palette
from tui.screens.compare import CompareScreen, load_runs
from tui.screens.help import HelpScreen
from tui.settings import settings_file

Act = Callable[["Comparing"], Awaitable[None]]
SIZES = [(60, 20), (80, 24), (120, 40), (200, 60)]


class Comparing:
    def __init__(self, app: DashboardApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def board(self) -> Board:
        screen = next(screen for screen in self.app.screen_stack if isinstance(screen, CompareScreen))
        return screen.board

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def press(self, *keys: str) -> str:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
            await self.pilot.pause()
        return self.text


def runs(tmp_path: Path, **more: object) -> list[Canned]:
    """Two alike, a third with other weights: canned runs draw their noise from one seed."""
    made = [ended(tmp_path, run_id=f"run-{name}", with_images=True, **more) for name in ("one", "two")]
    other = Canned(tmp_path, run_id="run-three", with_images=True, **more)  # type: ignore[arg-type]
    other.random.normal(size=1000)
    return [*made, other.start().epochs(7).end(status="stopped", reason="asked to")]


def comparing(made: list[Canned], act: Act, size: tuple[int, int] = (120, 40)) -> None:
    async def body() -> None:
        sources, problems = load_runs([run.folder for run in made])
        assert not problems
        app = DashboardApp(sources[0], "", settings_file(), first=lambda app: CompareScreen(app.scene, sources))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.pause()
            await act(Comparing(app, pilot))

    asyncio.run(body())


def board_of(made: list[Canned], **more: object) -> Board:
    sources, _ = load_runs([run.folder for run in made])
    compared = tuple(Compared(source.folder, source.state, number) for number, source in enumerate(sources))
    return Board(compared, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_pane_fills_any_size_exactly(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    made = runs(tmp_path)
    drawings = (draw_curves, draw_settings, draw_confusion, draw_classes, draw_images)
    for look in (Look(palette()), Look(palette("mono"), ascii=True)):
        for number, draw in enumerate(drawings):
            strips = draw(board_of(made, pane=number, second=2), width, height, look)
            assert len(strips) == height
            assert {strip.cell_length for strip in strips} == {width}
            assert not look.ascii or all(strip.text.isascii() for strip in strips), strips


def test_panes_are_chosen_by_digit_and_by_tab(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        assert "Validation accuracy" in seen.text
        assert "Settings that differ" in await seen.press("2") or "All settings are the same" in seen.text
        assert "% of actual" in await seen.press("3")
        assert "gain" in await seen.press("4")
        assert "wrong" in await seen.press("5")
        await seen.press("tab")
        assert seen.board.pane == 0
        await seen.press("shift+tab")
        assert seen.board.pane == 4
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)

    comparing(runs(tmp_path), act)


def test_curves_by_step_epoch_and_time_and_seeds_apart(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        assert "3 seeds: mean and range" in seen.text
        assert "by epoch" in await seen.press("x")
        assert "by training time" in await seen.press("x")
        text = await seen.press("b")
        assert "seeds" not in text.splitlines()[1]
        assert "run-three" in text
        before = seen.board.smoothing
        await seen.press("S", "y")
        assert seen.board.smoothing != before
        assert seen.board.log_y

    comparing(runs(tmp_path), act)


def test_the_pair_is_chosen_and_swapped(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("3", "right_square_bracket")
        assert (seen.board.first, seen.board.second) == (0, 2)
        await seen.press("left_square_bracket")
        assert (seen.board.first, seen.board.second) == (1, 2)
        await seen.press("w")
        assert (seen.board.first, seen.board.second) == (2, 1)
        await seen.press("x")
        assert (seen.board.first, seen.board.second) == (1, 2)
        assert "C run-three minus B run-two" in seen.text
        await seen.press("down", "right", "right")
        assert seen.board.cursor == (1, 2)
        assert "automobile → bird" in seen.text
        assert "% of predicted" in await seen.press("m")

    comparing(runs(tmp_path), act)


def test_lists_scroll_and_images_turn_over(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("4", "pagedown")
        assert seen.board.scroll > 0
        await seen.press("pageup", "up")
        assert seen.board.scroll == 0
        await seen.press("5", "right_square_bracket")
        first = seen.text
        assert await seen.press("pagedown") != first

    comparing(runs(tmp_path), act, (80, 24))


def test_leaving(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("q")
        assert not seen.app.is_running or seen.app._exit

    comparing(runs(tmp_path), act)


def test_a_run_that_goes_on_brings_new_points(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="done"), live(tmp_path, run_id="going")]

    async def act(seen: Comparing) -> None:
        screen = seen.app.screen
        assert isinstance(screen, CompareScreen)
        made[1].train(70).end_epoch()
        screen.look()
        assert seen.board.changed == 1
        assert seen.board.runs[1].state.epoch == 5

    comparing(made, act)


def test_different_data_sets_are_not_subtracted(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="ten"), ended(tmp_path, 100, run_id="hundred")]
    board = board_of(made)
    assert "different classes" in board.comparable
    for draw in (draw_confusion, draw_classes):
        assert "different classes" in "".join(
            strip.text for strip in draw(replace(board, pane=2), 120, 20, Look(palette()))
        )


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    sound, broken = ended(tmp_path, run_id="sound"), ended(tmp_path, run_id="broken")
    broken.folder.events_file.write_bytes(b"hello\n")
    found, problems = load_runs([sound.folder, broken.folder])
    assert [source.folder.id for source in found] == ["sound"]
    assert "broken" in problems[0]
    assert "1 damaged or foreign lines" in problems[0]


def test_no_two_of_sixteen_runs_look_alike(tmp_path: Path) -> None:
    run = ended(tmp_path)
    looks = {
        (one.role, one.stroke, one.letter)
        for one in (Compared(run.folder, board_of([run, run]).runs[0].state, number) for number in range(16))
    }
    assert len({(role, stroke) for role, stroke, _ in looks}) == 16
