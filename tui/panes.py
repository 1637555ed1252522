"""The panes by name."""

from __future__ import annotations

from tui.classes import ClassHistory
from tui.widgets.drawn import Scene
from tui.widgets.overview import Overview
from tui.widgets.pane import Pane


def make_pane(name: str, scene: Scene, history: ClassHistory) -> Pane:
    """A pane for a run."""
    return Overview(scene, history)
