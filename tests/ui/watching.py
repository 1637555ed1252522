"""The dashboard on a canned run, without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from textual.pilot import Pilot
from textual.strip import Strip

from core import control
from core.state import RunState
from tests.ui.canned import Canned
from tui.app import DashboardApp
from tui.screens.run import RunScreen
from tui.settings import settings_file
from tui.source import LiveSource

SIZES = ((80, 24), (120, 40), (200, 60))


def fold(run: Canned) -> RunState:
    """What a dashboard knows of a run."""
    source = LiveSource(run.folder)
    source.advance()
    return source.state


class OnScreen:
    """An app under a test's control: its keys and what it shows."""

    def __init__(self, app: DashboardApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def strips(self) -> list[Strip]:
        """What is on the screen, with styles."""
        return [Strip(line) for line in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self.strips)

    async def press(self, *keys: str) -> str:
        """Press keys and return the screen."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()
        return self.text

    async def settle(self) -> None:
        """Until there is nothing left to do."""
        await self.pilot.pause()
        await self.pilot.pause()

    async def see(self, text: str) -> None:
        """Wait until the screen holds a text; toasts take some rounds of messages to appear."""
        for _ in range(100):
            if text in self.text:
                return
            await self.pilot.pause()
        raise AssertionError(f"{text!r} did not come; the screen:\n{self.text}")


class Watching(OnScreen):
    """A dashboard on a canned run."""

    def __init__(self, run: Canned, pilot: Pilot[None], app: DashboardApp) -> None:
        super().__init__(app, pilot)
        self.run = run

    @property
    def screen(self) -> RunScreen:
        """The run screen, also while a dialog is above it."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, RunScreen))

    async def catch_up(self) -> str:
        """Take in what was added to the run, and return the screen."""
        self.screen.tick()
        await self.settle()
        return self.text

    def commands(self) -> list[tuple[str, control.Command]]:
        """What was left for the trainer: id and command."""
        return [(left.id, left.command) for left in control.take(self.run.folder.control) if left.command is not None]


@contextlib.asynccontextmanager
async def watching(run: Canned, size: tuple[int, int] = (120, 40), *, ascii: bool = False) -> AsyncIterator[Watching]:
    """Watch a run; the present is the time of its last event."""
    app = DashboardApp(LiveSource(run.folder), run.recipe.name, settings_file(), ascii=ascii, clock=lambda: run.wall)
    async with app.run_test(size=size, notifications=True) as pilot:
        watched = Watching(run, pilot, app)
        await watched.settle()
        yield watched


def watch(run: Canned, act: Callable[[Watching], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    """Watch a run while `act` presses keys and looks."""

    async def body() -> None:
        async with watching(run, size) as watched:
            await act(watched)

    asyncio.run(body())
