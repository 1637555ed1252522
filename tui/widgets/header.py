"""The status lines as a widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.strip import Strip

from tui.status import Situation, status_lines
from tui.widgets.drawn import Drawn, Scene


class Header(Drawn):
    """Two lines: which run, how it fares, how far it is."""

    def __init__(self, scene: Scene, situation: Callable[[], Situation], **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._situation = situation

    def draw(self, width: int, height: int) -> list[Strip]:
        """The lines."""
        return status_lines(self.scene.state, self._situation(), width, self.scene.look)[:height]
