"""The status lines as a widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.strip import Strip

from tui.status import Situation, status_lines
from tui.widgets.drawn import Drawn, Scene


class Header(Drawn):
    """Two lines: which run, how it fares, how far it is."""

    def __init__(self, scene: Scene, situation: Callable[[], Situation], **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._situation = situation

    def moment(self) -> object:
        """The events so far, and the silence since then in the whole seconds that are shown."""
        state, situation = self.scene.state, self._situation()
        silence = float(round(situation.silence_seconds)) if situation.liveness == "silent" else 0.0
        return replace(situation, silence_seconds=silence), state.last, self.scene.look

    def draw(self, width: int, height: int) -> list[Strip]:
        """The lines."""
        return status_lines(self.scene.state, self._situation(), width, self.scene.look)[:height]
