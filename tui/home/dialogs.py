"""What the home screen asks for: tags, and how far to train."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.errors import UsageError
from core.runnotes import Notes, parse_tags


class NotesDialog(ModalScreen[Notes | None]):
    """Tags and a note of a run."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, run_id: str, notes: Notes) -> None:
        super().__init__()
        self._run_id, self._notes = run_id, notes

    def compose(self) -> ComposeResult:
        """Two lines to type in."""
        with Vertical(classes="dialog"):
            yield Static(self._run_id, classes="question", markup=False)
            yield Input(" ".join(self._notes.tags), placeholder="tags, separated by spaces", id="tags")
            yield Input(self._notes.note, placeholder="a note", id="note")
            yield Static("Enter keeps both · Tab goes to the note · Esc cancels", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep them."""
        tags = self.query_one("#tags", Input).value
        self.dismiss(Notes(parse_tags(tags), self.query_one("#note", Input).value.strip()))

    def action_cancel(self) -> None:
        """Leave them as they are."""
        self.dismiss(None)


class AskDialog(ModalScreen[str | None]):
    """A question before a run is started, with a line to answer in.

    Args:
        question: the question.
        value: what stands there at first.
        check: raises UsageError for an answer that will not do.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, question: str, value: str, check: Callable[[str], object]) -> None:
        super().__init__()
        self._question, self._value, self._check = question, value, check

    def compose(self) -> ComposeResult:
        """Question, input, what is wrong with it."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="question", markup=False)
            yield Input(self._value, select_on_focus=True)
            yield Static("", classes="problem", markup=False)
            yield Static("Enter starts it · Esc cancels", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answered, if it will do."""
        try:
            self._check(event.value)
        except UsageError as error:
            self.query_one(".problem", Static).update(str(error))
            return
        self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """No answer."""
        self.dismiss(None)
