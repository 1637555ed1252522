"""What the screens have in common: a scene that is drawn, and keys that can be listed."""

from __future__ import annotations

from textual.screen import Screen

from tui.screens.help import Section
from tui.widgets.drawn import Drawn, Scene

_BOTTOM = 2
"""Screens there are when this one was opened from the command line: Textual's own, and this."""


class SceneScreen(Screen[None]):
    """A full screen of drawings."""

    scene: Scene

    def key_sections(self) -> list[Section]:
        """All keys, for help and command palette."""
        raise NotImplementedError

    def close(self) -> None:
        """Back to the screen that this one was opened from, or out."""
        if len(self.app.screen_stack) > _BOTTOM:
            self.dismiss()
        else:
            self.app.exit()

    def redraw_all(self) -> None:
        """After a change of colours."""
        for widget in self.query(Drawn):
            if widget.display:
                widget.redraw()
