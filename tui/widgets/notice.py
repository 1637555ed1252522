"""One sentence instead of everything: the window is too small, or there is no run."""

from __future__ import annotations

from typing import Any

from textual.strip import Strip

from tui.render.plot import message
from tui.widgets.drawn import Drawn, Scene


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
        hint = "" if self.screen.has_class("small") else " Press q to leave."
        return message(self.sentence + (hint if self.sentence else ""), width, height, self.scene.look)
