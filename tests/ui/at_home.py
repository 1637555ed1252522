"""The home screen under the keys of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from core.runfolder import RunFolder
from tests.ui.canned import WALL
from tests.ui.watching import OnScreen
from tui.app import DashboardApp
from tui.home.list import RunList
from tui.screens.home import HomeScreen
from tui.settings import settings_file
from tui.source import LiveSource

Act = Callable[["AtHome"], Awaitable[None]]


class AtHome(OnScreen):
    """A home screen under a test's control."""

    def __init__(self, app: DashboardApp, pilot: Pilot[None], runs_dir: Path) -> None:
        super().__init__(app, pilot)
        self.runs_dir = runs_dir

    @property
    def screen(self) -> HomeScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, HomeScreen))

    @property
    def runs(self) -> RunList:
        return self.screen.query_one(RunList)

    @property
    def names(self) -> list[str]:
        return [row.summary.id for row in self.runs.listing.rows]

    async def at(self, kind: type) -> None:
        """Wait until a screen of that kind is on top."""
        for _ in range(100):
            if isinstance(self.app.screen, kind):
                return
            await self.pilot.pause()
        raise AssertionError(f"not at {kind.__name__} but at {self.app.screen}")


def at_home(runs_dir: Path, act: Act, size: tuple[int, int] = (120, 40), now: float = WALL + 60.0) -> None:
    """Open the home screen on a folder of runs, all of them read, while `act` presses keys and looks."""

    async def body() -> None:
        app = DashboardApp(
            LiveSource(RunFolder(runs_dir)),
            "",
            settings_file(),
            clock=lambda: now,
            first=lambda app: HomeScreen(app, runs_dir, clock=lambda: now),
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            seen = AtHome(app, pilot, runs_dir)
            while seen.screen.index.unread:
                await pilot.pause()
            await seen.settle()
            await act(seen)

    asyncio.run(body())
