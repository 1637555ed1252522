"""The Textual application: themes, palette, settings, and the screens on it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from tui.bindings import SUSPEND, key_name
from tui.hangup import leave_on_signals
from tui.render.palettes import NAMES, Look, make_look
from tui.screens.run import RunScreen
from tui.screens.scene_screen import SceneScreen
from tui.settings import Settings, load_settings, save_settings
from tui.source import Source
from tui.themes import DARK, LIGHT, PLAIN, AsciiFilter
from tui.view import View, XUnit
from tui.widgets.drawn import Scene


class DashboardApp(App[None], inherit_bindings=False):
    """Watches a run, or shows what `first` says and opens runs from there.

    Args:
        source: the run.
        recipe: its recipe, to be named before the run says so itself.
        settings_file: where choices are kept.
        ascii: draw with ASCII characters only.
        clock: seconds since the epoch.
        first: makes the screen to begin with, where that is not the run.
    """

    CSS_PATH = "app.tcss"
    TITLE = "cifar-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = [SUSPEND]

    def __init__(
        self,
        source: Source,
        recipe: str,
        settings_file: Path,
        *,
        ascii: bool = False,
        clock: Callable[[], float] = time.time,
        first: Callable[[DashboardApp], SceneScreen] | None = None,
    ) -> None:
        super().__init__()
        self.settings_file = settings_file
        self.settings: Settings = load_settings(settings_file)
        self.ascii = ascii
        self._recipe, self._clock = recipe, clock
        self._interval = 1 / self.settings.frames_per_second
        self._first = first
        view = View(XUnit(self.settings.x_unit), smoothing=self.settings.smoothing, log_y=self.settings.log_y)
        self.scene = Scene(source, view, self.make_look())
        """Of the run that was opened last."""
        for theme in (DARK, LIGHT):
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
        self.push_screen(self._first(self) if self._first else self._run_screen(self._recipe))
        if not self.is_headless:
            leave_on_signals(self.exit)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR means none, not grey; --ascii means nothing else."""
        filters = [NoColor()] if self.no_color else list(super().get_line_filters())
        return [*filters, AsciiFilter()] if self.ascii else filters

    def _run_screen(self, recipe: str) -> RunScreen:
        return RunScreen(self.scene, recipe, self._interval, self._clock)

    def open_run(self, source: Source, recipe: str) -> None:
        """Show a run on top of the present screen."""
        self.scene = Scene(source, replace(self.scene.view, window=None, crosshair=None), self.make_look())
        self.push_screen(self._run_screen(recipe))

    def _set_theme(self) -> None:
        self.theme = PLAIN if self.no_color else (DARK if self.settings.theme == "dark" else LIGHT).name

    # -- actions ------------------------------------------------------------------------------------------------------

    def action_suspend_process(self) -> None:
        """Back to the shell, with all that it waits for (`make demo`); stopped without one, nothing would go on."""
        if os.getpgrp() == os.getsid(0):  # a shell that can bring a job back gives it a group of its own
            self.notify("There is no shell to go to: the dashboard was started without one", timeout=4)
        else:
            with self.suspend():
                os.killpg(os.getpgrp(), signal.SIGTSTP)

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
            if isinstance(screen, SceneScreen):
                screen.scene.look = self.scene.look
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
        if not isinstance(screen, SceneScreen):
            return
        for section, keys in screen.key_sections():
            for key in keys:
                title = f"{key.description.rstrip('…')} ({key_name(key)})"
                yield SystemCommand(title, f"{section}: {key.tooltip}", self._runner(screen, key.action))

    def _runner(self, screen: SceneScreen, action: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            target = screen.focused if screen.focused is not None else screen
            if not await self.run_action(action, default_namespace=target):
                await self.run_action(action, default_namespace=screen)

        return run
