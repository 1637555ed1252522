"""What the screens have in common: a scene that is drawn, and keys that can be listed."""

from __future__ import annotations

from textual.screen import Screen

from tui.screens.help import Section
from tui.widgets.drawn import Drawn, Scene


class SceneScreen(Screen[None]):
    """A full screen of drawings."""

    scene: Scene

    def key_sections(self) -> list[Section]:
        """All keys, for help and command palette."""
        raise NotImplementedError

    def redraw_all(self) -> None:
        """After a change of colours."""
        for widget in self.query(Drawn):
            if widget.display:
                widget.redraw()
