"""The panes by name."""

from __future__ import annotations

from tui.widgets.classes import ClassesPane
from tui.widgets.confusion import ConfusionPane
from tui.widgets.images import ImagesPane
from tui.widgets.log import LogPane
from tui.widgets.model import ModelPane
from tui.widgets.overview import Overview
from tui.widgets.pane import Pane
from tui.widgets.system import SystemPane

PANE_TYPES: dict[str, type[Pane]] = {
    "Overview": Overview,
    "Classes": ClassesPane,
    "Confusion": ConfusionPane,
    "Images": ImagesPane,
    "Model": ModelPane,
    "System": SystemPane,
    "Log": LogPane,
}
