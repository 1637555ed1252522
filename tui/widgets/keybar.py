"""The last line: what keys do here, as hints that can be clicked, and the line of the panes' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.strip import Strip

from tui.render.palettes import Look
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.frame import text_strip


@dataclass(frozen=True)
class Hint:
    """A key and what it does."""

    key: str
    label: str
    action: str
    enabled: bool = True
    rank: int = 1
    """Where there is no room, hints of higher rank go first."""


def key_line(hints: list[Hint], width: int, look: Look) -> tuple[Strip, list[tuple[int, int, str]]]:
    """The line, and for each hint on it the columns it covers and its action. Hints that do not fit are left out."""
    text = Text(" ", no_wrap=True, end="")
    spots = []
    kept = list(hints)
    while kept and sum(_length(hint) + 2 for hint in kept) > width:
        kept.remove(max(reversed(kept), key=lambda hint: hint.rank))
    for hint in kept:
        length = _length(hint)
        start = text.cell_len
        key, label = ("now", "text") if hint.enabled else ("faint", "faint")
        text.append(hint.key, look.style(key))  # type: ignore[arg-type]
        text.append(" " + hint.label, look.style(label))  # type: ignore[arg-type]
        spots.append((start, start + length, hint.action))
        text.append("  ")
    return text_strip(text, width), spots


def _length(hint: Hint) -> int:
    return cell_len(hint.key) + 1 + cell_len(hint.label)


class KeyBar(Drawn):
    """One line of keys, which can be clicked."""

    def __init__(self, scene: Scene, hints: Callable[[], list[Hint]], **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._hints = hints
        self._spots: list[tuple[int, int, str]] = []

    def moment(self) -> object:
        """The keys."""
        return self._hints(), self.scene.look

    def draw(self, width: int, height: int) -> list[Strip]:
        """The line."""
        strip, self._spots = key_line(self._hints(), width, self.scene.look)
        return [strip]

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        for start, end, action in self._spots:
            if start <= event.x < end:
                await self.screen.run_action(action)


class Tabs(Drawn):
    """One line that names the panes and says which one is shown.

    Args:
        scene: for its look.
        names: title of each pane, in the order of the digit keys.
        current: which one is shown, from 0.
        choose: called with the number of the one that was clicked.
    """

    def __init__(
        self, scene: Scene, names: list[str], current: Callable[[], int], choose: Callable[[int], None], **kwargs: Any
    ) -> None:
        super().__init__(scene, **kwargs)
        self._names, self._current, self._choose = names, current, choose
        self._spots: list[tuple[int, int]] = []

    def moment(self) -> object:
        """Which pane is shown."""
        return self._current(), self.scene.look

    def draw(self, width: int, height: int) -> list[Strip]:
        """The line."""
        look = self.scene.look
        text = Text(" ", no_wrap=True, end="")
        self._spots = []
        for index, name in enumerate(self._names):
            start = text.cell_len
            chosen = index == self._current()
            if chosen:
                text.append(f" {index + 1} {name} ", look.style("cursor"))
            else:
                text.append(f" {index + 1}", look.style("now"))
                text.append(f" {name} ", look.style("muted"))
            self._spots.append((start, text.cell_len))
        text.append(" " * max(width - text.cell_len, 0), Style())
        return [text_strip(text, width)]

    def on_click(self, event: events.Click) -> None:
        """Show the pane under the mouse."""
        for index, (start, end) in enumerate(self._spots):
            if start <= event.x < end:
                self._choose(index)
