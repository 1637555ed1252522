"""The line in which one types what to filter by."""

from __future__ import annotations

from typing import Any

from textual.message import Message
from textual.widgets import Input


class FilterInput(Input):
    """An input that shows only while it is used or holds something."""

    class Wanted(Message):
        """Somebody pressed the filter key."""

    def __init__(self, placeholder: str, **kwargs: Any) -> None:
        super().__init__(placeholder=placeholder, compact=True, **kwargs)
        self.display = False

    def open(self) -> None:
        """Show it and take the keys."""
        self.display = True
        self.focus()

    def close(self, *, keep: bool = False) -> bool:
        """Empty and hide it; with `keep` it stays as long as it holds text. Whether there was anything to close."""
        was_open = self.display
        if not keep:
            self.value = ""
        self.display = bool(self.value)
        return was_open


def classes_matching(text: str, classes: list[str]) -> frozenset[int]:
    """Classes whose name is the text, or else those that hold it; case and underscores do not matter."""

    def plain(name: str) -> str:
        return name.casefold().replace("_", " ").strip()

    wanted = plain(text)
    exact = frozenset(index for index, name in enumerate(classes) if plain(name) == wanted)
    return exact or frozenset(index for index, name in enumerate(classes) if wanted in plain(name))
