"""What the keys of a replay do. A live run can be rewound by them too, and comes back by `end`."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.errors import CifarTuiError, UsageError
from tui.replay import ReplaySource
from tui.screens.scene_screen import SceneScreen
from tui.source import LiveSource
from tui.widgets.keybar import Hint
from tui.widgets.transport import Transport

_FOOTER = (
    ("pause", "space", "Play"),
    ("to_end", "End", "End"),
    ("step_epoch(1)", "{ }", "Epoch"),
    ("step_chunk(1)", "( )", "Steps"),
    ("play_speed(1)", "v V", "Speed"),
    ("to_best", "*", "Best"),
    ("go_to", "@", "Go to…"),
)
NEEDS_REPLAY = frozenset({"play_speed"})


class ReplayKeys(SceneScreen):
    """Play, step, seek."""

    def show_status(self) -> None:
        """Bring the lines above and below up to date."""
        raise NotImplementedError

    def show_moment(self) -> None:
        """Draw everything for another moment of the run."""
        raise NotImplementedError

    @property
    def replay(self) -> ReplaySource | None:
        """The source, where it is a replay."""
        source = self.scene.source
        return source if isinstance(source, ReplaySource) else None

    def replay_hints(self) -> list[Hint]:
        """The footer of a replay."""
        replay = self.replay
        assert replay is not None
        rewound = replay.live is not None and replay.live.is_live
        names = {"pause": "Hold" if replay.playing else "Play", "to_end": "Now" if rewound else "End"}
        shown = []
        for rank, (action, key, label) in enumerate(_FOOTER):
            shown.append(Hint(key, names.get(action, label), action, rank=min(rank, 3)))
        return [*shown, Hint("1-7", "Panes", "show_pane(0)", rank=3), Hint("q", "Quit", "leave", rank=0),
                Hint("?", "Help", "help", rank=0)]  # fmt: skip

    def _rewindable(self) -> ReplaySource | None:
        """The replay; a live run becomes one. None where there is nothing to go back to."""
        source = self.scene.source
        if isinstance(source, LiveSource):
            if not source.state.num_records:
                return None
            replay = ReplaySource(source.folder, live=source)
            try:
                replay.read_all()
                replay.seek(source.state.num_records)  # where the picture is, which may have been frozen long ago
            except CifarTuiError as error:
                self.notify(str(error), severity="error", markup=False)
                return None
            source.frozen = False
            self.scene.source = replay
            self.show_transport()
        return self.replay

    def show_transport(self) -> None:
        """The transport is there as long as there is a replay."""
        self.query_one(Transport).display = self.replay is not None

    def seek(self, place: int) -> None:
        """Show the run at a place of its recording."""
        replay = self.replay
        if replay is None:
            return
        try:
            replay.seek(place)
        except CifarTuiError as error:
            self.notify(str(error), severity="error", markup=False)
        self.show_moment()

    # -- keys ---------------------------------------------------------------------------------------------------------

    def action_step_chunk(self, direction: int) -> None:
        """A chunk of steps on or back; the picture then stands still."""
        if replay := self._rewindable():
            replay.playing = False
            self.seek(replay.recording.next_chunk(replay.place, direction))

    def action_step_epoch(self, direction: int) -> None:
        """An epoch on or back."""
        if replay := self._rewindable():
            self.seek(replay.recording.next_epoch(replay.place, direction))

    def action_to_start(self) -> None:
        """Before the first event."""
        if replay := self._rewindable():
            self.seek(replay.place_of("start"))

    def action_to_best(self) -> None:
        """The best epoch."""
        if replay := self._rewindable():
            try:
                self.seek(replay.place_of("best"))
            except UsageError as error:
                self.notify(str(error), markup=False)

    def action_to_end(self) -> None:
        """The end of the recording; of a live run, its present."""
        replay = self.replay
        if replay is None:
            return
        if replay.live is not None:
            self.scene.source = replay.live
            self.show_transport()
            self.show_moment()
        else:
            self.seek(len(replay.recording))

    def action_play_speed(self, direction: int) -> None:
        """Faster or slower."""
        if self.replay is not None:
            self.replay.change_speed(direction)
            self.show_status()

    def action_go_to(self) -> None:
        """Ask where to."""

        def answered(text: str | None) -> None:
            if text and (replay := self._rewindable()):
                try:
                    self.seek(replay.place_of(text))
                except UsageError as error:
                    self.notify(str(error), severity="warning", markup=False)

        self.app.push_screen(SeekDialog(), answered)

    def on_transport_sought(self, message: Transport.Sought) -> None:
        """By mouse."""
        if self.replay is not None:
            self.seek(self.replay.recording.place_of_time(message.seconds))


class SeekDialog(ModalScreen[str | None]):
    """Asks for a place in the run."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def compose(self) -> ComposeResult:
        """Question and input."""
        with Vertical(classes="dialog"):
            yield Static("Go to", classes="question")
            yield Input(placeholder="12   step 5000   1:30   50%   best   end")
            yield Static("An epoch, a step, a time of the run, a share · Esc cancels", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answered."""
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        """Stay."""
        self.dismiss(None)
