"""The screen of one run, live or recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from core.errors import StorageError
from core.state import RunState
from tui import bindings
from tui.bindings import PANES
from tui.classes import ClassHistory
from tui.footer import run_hints
from tui.panes import PANE_TYPES
from tui.screens.help import HelpScreen, Section
from tui.screens.plot_keys import PlotKeys
from tui.screens.replay_keys import NEEDS_REPLAY
from tui.screens.steering_keys import NEEDS_TRAINER, SteeringKeys
from tui.status import Situation
from tui.steering import Steering
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.header import Header
from tui.widgets.keybar import Hint, KeyBar, Tabs
from tui.widgets.notice import Notice
from tui.widgets.overview import Overview
from tui.widgets.pane import Pane
from tui.widgets.transport import Transport

_TABS_FROM = (73, 36)
"""Columns that the names of the panes take, and lines of a screen that can spare one for them."""
_MARKS_FROM = 30
"""Lines of a screen that can spare one for the marks above the bar of a replay."""
_SMALLEST = (60, 20)
_INTERRUPT_SECONDS = 2.0
_BREATH_SECONDS = 0.01
"""Between two bits of a long log, for keys and paint."""


class RunScreen(PlotKeys, SteeringKeys):
    """Watch and steer a run.

    Args:
        scene: the run, and how it is looked at.
        interval_seconds: between looks at the source.
        clock: seconds since the epoch, for judging how alive a run is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.ALL]

    def __init__(self, scene: Scene, recipe: str, interval_seconds: float, clock: Callable[[], float]) -> None:
        super().__init__()
        self.scene = scene
        self.steering = Steering(scene.source.folder.control)
        self.history = ClassHistory()
        self._recipe, self._interval, self._clock = recipe, interval_seconds, clock
        self._current = self._origin = 0
        """The pane that is shown, and the one that Escape leads to from it."""
        self._panes: dict[int, Pane] = {}
        self._interrupted = float("-inf")
        self._was_started = self._was_ended = False
        self._has_tabs = self._is_catching_up = False
        self._unseen: set[type] = set()
        """Kinds of events that have come since the last drawing."""

    @property
    def state(self) -> RunState:
        """The run."""
        return self.scene.state

    def compose(self) -> ComposeResult:
        """Status, names of the panes, the pane, keys."""
        yield Header(self.scene, self.situation, id="header")
        yield Tabs(self.scene, list(PANES), lambda: self._current, self._choose_pane, id="tabs")
        yield Container(id="pane")
        yield Transport(self.scene, id="transport")
        yield KeyBar(self.scene, self.hints, id="keys")
        yield Notice(self.scene, id="notice")

    async def on_mount(self) -> None:
        """Show the overview, and look at the source from now on; first of all there is something to see."""
        self.show_transport()
        await self.show_pane(0)
        # By way of the app: while it is starting it paints nothing, and does nothing that is left for later.
        self.app.call_later(self.call_after_refresh, self.tick)
        self.set_interval(self._interval, self.tick)

    def on_resize(self, event: events.Resize) -> None:
        """Below the smallest size there is one calm sentence."""
        width, height = event.size
        small = width < _SMALLEST[0] or height < _SMALLEST[1]
        self.set_class(small, "small")
        self._has_tabs = width >= _TABS_FROM[0] and height >= _TABS_FROM[1]
        self.query_one("#tabs").display = self._has_tabs
        self.query_one("#transport").styles.height = 2 if height >= _MARKS_FROM else 1
        self._show_notice()

    # -- the run goes on ----------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Take in what is new and show what it changed."""
        if not self._is_catching_up:
            self._read()
        kinds, self._unseen = self._unseen, set()
        if kinds or self.scene.is_over != self._was_ended:
            self._show(kinds)
        if self.replay is not None and self.replay.moved:
            self.show_moment()
        self._show_notice()
        self.show_status()
        if self.leaving and self.scene.is_over:
            self.action_detach()

    def _read(self) -> None:
        source = self.scene.source
        self._is_catching_up = False
        try:
            records = source.advance()
        except StorageError:
            return  # the source's problem says why
        source.look_for_trainer(self._clock())
        told = self.replay.told if self.replay is not None else records
        if told:
            self.hear(told, is_logged=self.pane.shows_log and not source.frozen and self.replay is None)
        if not source.frozen:
            self._unseen |= {type(record.event) for record in records}
        if source.is_behind:
            self._is_catching_up = True
            self.set_timer(_BREATH_SECONDS, self._read_on)

    def _read_on(self) -> None:
        """A long log is read bit by bit; what has been read is shown at the usual pace, and keys are answered."""
        self._read()
        if not self._is_catching_up:
            self.tick()

    def show_moment(self) -> None:
        """Draw everything for another moment of the run."""
        if self.replay is not None:
            self.replay.moved = False
        self._show(None)
        self._show_notice()
        self.show_status()

    def _show(self, kinds: set[type] | None) -> None:
        started, ended = self.state.run is not None, self.scene.is_over
        if (started, ended) != (self._was_started, self._was_ended):
            self._was_started, self._was_ended = started, ended
            kinds = None  # a trainer may be found gone without an event that says so
            for overview in self.query(Overview):
                overview.place()
            self.refresh_bindings()
        self.pane.show(kinds)

    def _show_notice(self) -> None:
        notice = self.query_one(Notice)
        if self.has_class("small"):
            width, height = _SMALLEST
            notice.say(f"Please make this window at least {width} columns by {height} lines")
        else:
            notice.say(self.scene.source.problem)

    def show_status(self) -> None:
        """Bring the lines above and below up to date; lines that have not changed cost nothing."""
        for widget in self.children:
            if isinstance(widget, Drawn) and widget.display:
                widget.redraw()

    def situation(self) -> Situation:
        """What the status lines say besides the run."""
        shown, last = self.scene.source.shown_wall, self.state.last
        now = self._clock() if shown is None else shown
        return Situation(
            run_id=self.scene.source.folder.id,
            recipe=self.state.run.recipe if self.state.run else self._recipe,
            liveness="died" if self.scene.source.has_died else self.state.liveness(now),
            silence_seconds=now - last.wall if last else 0.0,
            frozen=self.scene.source.frozen,
            reading=self.scene.source.is_behind,
            pending="" if self.scene.source.has_died else self.steering.pending,
        )

    # -- panes --------------------------------------------------------------------------------------------------------

    @property
    def pane(self) -> Pane:
        """The pane that is shown."""
        return self._panes[self._current]

    async def show_pane(self, index: int, origin: int = 0) -> None:
        """Show a pane; it is made when it is first asked for. Escape leads from it to `origin`."""
        if index not in self._panes:
            self._panes[index] = PANE_TYPES[PANES[index]](self.scene, self.history)
            await self.query_one("#pane").mount(self._panes[index])
        self._current, self._origin = index, origin
        for number, pane in self._panes.items():
            pane.display = number == index
        self.call_after_refresh(self._shown)

    def _choose_pane(self, index: int) -> None:
        self.call_later(self.show_pane, index)

    def _shown(self) -> None:
        target: Widget | None = self.pane.first_focus()
        if target is not None:
            self.set_focus(target)
        self.pane.show(None)
        self.show_status()

    async def action_show_pane(self, index: int) -> None:
        """By its digit."""
        await self.show_pane(index)

    async def on_pane_opens(self, message: Pane.Opens) -> None:
        """A pane asks for another one, perhaps with something to show."""
        index = [name.lower() for name in PANES].index(message.pane)
        await self.show_pane(index, self._current)
        if message.subject is not None:
            self._panes[index].show_subject(message.subject)

    def action_full_screen(self) -> None:
        """The focused pane alone, or all again."""
        pane = self.pane
        if isinstance(pane, Overview):
            focused = self.focused
            pane.toggle_only(pane.only or (focused.id if focused is not None else None) or "loss")

    def action_back(self) -> None:
        """Undo the last narrowing: crosshair, what a pane holds, full screen, pane."""
        if self.scene.view.crosshair is not None:
            self._point(None)
        elif self.pane.back() and (self._origin == 0 or isinstance(self.focused, Input)):
            pass  # what another pane has chosen is left together with it
        elif self._current != self._origin:
            self.call_later(self.show_pane, self._origin)

    # -- the rest -----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be asked of a trainer that has not begun; None greys the key out."""
        if self.replay is not None:
            return True  # what a replay cannot do, it says, as does a run that is over
        if action in NEEDS_REPLAY or (action in NEEDS_TRAINER and self.state.run is None):
            return None
        return True

    def action_freeze(self) -> None:
        """Hold the picture still, or catch up; a film is held or played."""
        if self.replay is not None:
            self.action_pause()
            return
        source = self.scene.source
        source.frozen = not source.frozen
        if not source.frozen:
            self.tick()
            self.pane.show(None)
        self.show_status()

    def action_interrupt(self) -> None:
        """The second Ctrl-C in a row detaches."""
        now = time.monotonic()
        if now - self._interrupted < _INTERRUPT_SECONDS:
            self.action_detach()
            return
        self._interrupted = now
        self.notify("Ctrl-C again detaches; the training goes on", timeout=_INTERRUPT_SECONDS)

    def action_help(self) -> None:
        """All keys: the screen's, and the pane's own."""
        self.app.push_screen(HelpScreen(self.key_sections(), self.scene.look))

    def key_sections(self) -> list[Section]:
        """The pane's own keys, then the screen's."""
        own = self.pane.KEYS
        return [*([(f"In {PANES[self._current]}", own)] if own else []), *bindings.SECTIONS]

    def hints(self) -> list[Hint]:
        """The footer."""
        if self.replay is not None:
            return self.replay_hints()
        source = self.scene.source
        return run_hints(
            self.state, self.pane.KEYS, is_live=source.is_live, frozen=source.frozen, has_tabs=self._has_tabs
        )

    def redraw_all(self) -> None:
        """After a change of colours."""
        super().redraw_all()
        for pane in self._panes.values():
            pane.recolor()
