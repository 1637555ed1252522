"""One sentence instead of everything: the window is too small, or there is no run."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tui.render.safe import safe, wrap
from tui.widgets.drawn import Drawn, Scene

_MOST = 76


class Notice(Drawn):
    """Covers the screen while it has something to say."""

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.sentence = ""
        self.display = False

    def say(self, sentence: str) -> None:
        """Show the sentence; nothing hides the widget."""
        if sentence == self.sentence:
            return
        self.sentence = sentence
        self.display = bool(sentence)
        self.screen.set_class(bool(sentence), "notice")
        self.redraw()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The sentence in the middle."""
        look = self.scene.look
        hint = "" if self.screen.has_class("small") else "Press q to leave."
        room = max(min(width - 4, _MOST), 8)
        lines = [*wrap(safe(self.sentence, 2000, ascii=look.ascii), room), *(["", hint] if hint else [])]
        above = [Strip.blank(width)] * max((height - len(lines)) // 2, 0)
        left = (width - max(cell_len(line) for line in lines)) // 2
        return [*above, *(Strip([Segment(" " * left + line, look.style("text"))]) for line in lines)]
