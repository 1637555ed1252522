"""What fills the screen below the status lines: the base of the panes behind the digit keys."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from tui.classes import ClassHistory
from tui.widgets.drawn import Drawn, Scene


class Pane(Container):
    """A pane. It is shown when its digit is pressed, and told what kinds of events are new.

    Args:
        scene: the run, and how it is looked at.
        history: its classes over the epochs, for panes that show them.
    """

    KEYS: ClassVar[list[Binding]] = []
    """Its own keys, for footer and help; those of the first widget it focuses, as a rule."""

    class Opens(Message):
        """Another pane is wanted.

        Args:
            pane: its name in lower case.
            subject: what it should show; it knows what to make of it.
        """

        def __init__(self, pane: str, subject: object = None) -> None:
            super().__init__()
            self.pane, self.subject = pane, subject

    def __init__(self, scene: Scene, history: ClassHistory) -> None:
        super().__init__()
        self.scene, self.history = scene, history

    def show(self, kinds: set[type] | None) -> None:
        """Bring it up to date after new events of these kinds; None means in any case."""
        for widget in self.walk_children(Drawn):
            if widget.display:
                widget.show_new(kinds)

    def show_subject(self, subject: object) -> None:
        """Show what another pane sent here."""

    def first_focus(self) -> Widget | None:
        """The widget that takes the keys when the pane is shown."""
        return None

    @property
    def shows_log(self) -> bool:
        """Whether the newest line of the log is in view."""
        return False

    def back(self) -> bool:
        """Undo a narrowing of its own; whether there was one."""
        return False

    def recolor(self) -> None:
        """The palette has changed; drawings are redrawn without asking."""
