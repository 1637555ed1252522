"""The Textual application: themes, palette, settings, and the screens on it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from tui import bindings
from tui.bindings import key_name
from tui.render.palettes import NAMES, Look
from tui.screens.run import RunScreen
from tui.settings import Settings, load_settings, save_settings
from tui.source import Source
from tui.themes import DARK, LIGHT, PLAIN, AsciiFilter, make_look
from tui.view import View, XUnit
from tui.widgets.drawn import Scene


class DashboardApp(App[None], inherit_bindings=False):
    """Watches a run.

    Args:
        source: the run.
        recipe: its recipe, to be named before the run says so itself.
        settings_file: where choices are kept.
        ascii: draw with ASCII characters only.
        frames_per_second: of this session; by default the one kept.
        clock: seconds since the epoch.
    """

    CSS_PATH = "app.tcss"
    TITLE = "cifar-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = []

    def __init__(
        self,
        source: Source,
        recipe: str,
        settings_file: Path,
        *,
        ascii: bool = False,
        frames_per_second: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.settings_file = settings_file
        self.settings: Settings = load_settings(settings_file)
        self.ascii = ascii
        self._recipe, self._clock = recipe, clock
        self._interval = 1 / (frames_per_second or self.settings.frames_per_second)
        view = View(XUnit(self.settings.x_unit), smoothing=self.settings.smoothing, log_y=self.settings.log_y)
        self.scene = Scene(source, view, self.make_look())
        for theme in (DARK, LIGHT, PLAIN):
            self.register_theme(theme)

    def make_look(self) -> Look:
        """The look for the terminal and the settings."""
        return make_look(
            self.settings.palette,
            dark=self.settings.theme == "dark",
            color_system=self.console.color_system,
            no_color=self.no_color,
            ascii=self.ascii,
        )

    def on_mount(self) -> None:
        """Open the run; end well on signals that would leave the terminal in disorder."""
        self._set_theme()
        self.push_screen(RunScreen(self.scene, self._recipe, self._interval, self._clock))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError, RuntimeError):  # not the main thread
                loop.add_signal_handler(number, self.exit)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR means none, not grey; --ascii means nothing else."""
        filters = [NoColor()] if self.no_color else list(super().get_line_filters())
        return [*filters, AsciiFilter()] if self.ascii else filters

    def _set_theme(self) -> None:
        self.theme = (PLAIN if self.no_color else DARK if self.settings.theme == "dark" else LIGHT).name

    # -- actions ------------------------------------------------------------------------------------------------------

    def action_next_palette(self) -> None:
        """The next palette, everywhere."""
        self.settings.palette = NAMES[(NAMES.index(self.settings.palette) + 1) % len(NAMES)]
        self._recolor()
        self.notify(f"palette: {self.settings.palette}", timeout=2)

    def action_toggle_theme(self) -> None:
        """Light or dark."""
        self.settings.theme = "light" if self.settings.theme == "dark" else "dark"
        self._set_theme()
        self._recolor()

    def _recolor(self) -> None:
        self.scene.look = self.make_look()
        for screen in self.screen_stack:
            if isinstance(screen, RunScreen):
                screen.call_after_refresh(screen.redraw_all)
        self.keep_settings()

    def keep_settings(self) -> None:
        """Remember the choices."""
        view = self.scene.view
        self.settings.x_unit = view.x_unit.value
        self.settings.smoothing, self.settings.log_y = view.smoothing, view.log_y
        save_settings(self.settings_file, self.settings)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: every action that has a key."""
        if not isinstance(screen, RunScreen):
            return
        for section, keys in [("This pane", screen.pane.own_keys()), *bindings.SECTIONS]:
            for key in keys:
                title = f"{key.description.rstrip('…')} ({key_name(key)})"
                yield SystemCommand(title, f"{section}: {key.tooltip}", self._runner(screen, key.action))

    def _runner(self, screen: RunScreen, action: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            target = screen.focused if screen.focused is not None else screen
            if not await self.run_action(action, default_namespace=target):
                await self.run_action(action, default_namespace=screen)

        return run
