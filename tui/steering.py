"""Commands on their way to the trainer: sent, awaited, answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core import events as ev
from core.control import parse_command, send
from core.events import Record


@dataclass(frozen=True)
class Answer:
    """What became of a command."""

    what: str
    done: bool
    message: str


@dataclass
class Steering:
    """The commands that this viewer has sent."""

    control: Path
    waiting: dict[str, str] = field(default_factory=dict)
    """Commands without an answer: what was asked for by command id."""

    def send(self, *words: str) -> None:
        """Leave a command for the trainer.

        Raises:
            UsageError: it is no command.
            StorageError: the folder cannot be written.
        """
        self.waiting[send(self.control, parse_command(list(words)))] = " ".join(words)

    def hear(self, records: list[Record]) -> list[Answer]:
        """The answers to own commands among new records."""
        answers = []
        for record in records:
            event = record.event
            if isinstance(event, ev.CommandHandled) and event.status != "received":
                what = self.waiting.pop(event.command_id, None)
                if what is not None:
                    answers.append(Answer(what, event.status == "done", event.message))
            elif isinstance(event, ev.RunEnded):
                answers += [Answer(what, False, "the run ended before") for what in self.waiting.values()]
                self.waiting.clear()
        return answers

    @property
    def pending(self) -> str:
        """What is being waited for, for the status line."""
        return ", ".join(self.waiting.values())
