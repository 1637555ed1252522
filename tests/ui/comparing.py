"""Comparisons on a screen, for the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tests.ui.canned import Canned, ended
from tui.app import DashboardApp
from tui.compare.board import Board, compared
from tui.screens.compare import CompareScreen, load_runs
from tui.settings import settings_file

Act = Callable[["Comparing"], Awaitable[None]]


class Comparing:
    """A comparison under the keys of a test."""

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

    @property
    def picture(self) -> list[list[tuple[str, str]]]:
        """Text and styles of all lines."""
        strips = self.app.screen._compositor.render_strips()
        return [[(segment.text, str(segment.style)) for segment in strip] for strip in strips]

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


def hundred(tmp_path: Path, num_runs: int = 2) -> list[Canned]:
    """Runs of CIFAR-100 that do not say the same."""
    made = []
    for number in range(num_runs):
        run = Canned(tmp_path, 100, run_id=f"run-{'one two three'.split()[number]}", with_images=True)
        run.random.normal(size=1000 * number)
        made.append(run.start().epochs(2).end())
    return made


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
    return Board(compared(sources), **more)  # type: ignore[arg-type]
