"""The panes by name."""

from __future__ import annotations

from collections.abc import Callable

from tui.classes import ClassHistory
from tui.widgets.classes import ClassesPane
from tui.widgets.confusion import ConfusionPane
from tui.widgets.drawn import Scene
from tui.widgets.images import ImagesPane
from tui.widgets.log import LogPane
from tui.widgets.model import ModelPane
from tui.widgets.overview import Overview
from tui.widgets.pane import Pane
from tui.widgets.system import SystemPane

_MAKERS: dict[str, Callable[[Scene, ClassHistory], Pane]] = {
    "Overview": Overview,
    "Classes": ClassesPane,
    "Confusion": lambda scene, history: ConfusionPane(scene),
    "Images": lambda scene, history: ImagesPane(scene),
    "Model": lambda scene, history: ModelPane(scene),
    "System": lambda scene, history: SystemPane(scene),
    "Log": lambda scene, history: LogPane(scene),
}


def make_pane(name: str, scene: Scene, history: ClassHistory) -> Pane:
    """A pane for a run."""
    return _MAKERS[name](scene, history)
