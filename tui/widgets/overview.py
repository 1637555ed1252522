"""All of a run at a glance. Where each pane goes is a pure function of the size; see `arrange`."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget

from tui import figures
from tui.widgets.pane import Pane
from tui.widgets.plots import MACHINE, PlotPane
from tui.widgets.small import ClassList, ConfusionMap, LogTail

Place = tuple[int, int, int, int]
"""Column, line, width and height."""
Rows = tuple[tuple[str, ...], ...]

_THREE_BY_THREE: Rows = (
    ("loss", "accuracy", "lr"),
    ("confusion", "classes", "log"),
    ("gradient", "throughput", "load"),
)
_THREE_BY_TWO: Rows = (("loss", "accuracy", "lr"), ("confusion", "classes", "log"))
_TWO_BY_THREE: Rows = (("loss", "lr"), ("accuracy", "confusion"), ("classes", "log"))
_TABLE = ("confusion", "classes")
_LEAST_PLOT = 9


def choose_rows(width: int, height: int, ended: bool) -> Rows:
    """The panes that a size has room for, row by row."""
    if width >= 165:
        return _THREE_BY_THREE if height >= 48 else _THREE_BY_TWO if height >= 22 else _THREE_BY_TWO[:1]
    last = "log" if ended else "lr"  # once nothing is planned any more, how it ended is worth more
    if width >= 76:
        if height >= 33:
            return _TWO_BY_THREE
        return (("loss", "accuracy"), (last, "confusion")) if height >= 16 else (("loss", "accuracy"),)
    if height >= 34:
        return (("loss",), ("accuracy",), (last,), ("classes",))
    return (("loss",), ("accuracy",), (last,)) if height >= 17 else (("loss",), ("accuracy",))


def arrange(
    width: int, height: int, num_classes: int, *, ended: bool = False, only: str | None = None
) -> dict[str, Place]:
    """Place of each pane; those that are missing have no room."""
    if only is not None:
        return {only: (0, 0, width, height)}
    rows = choose_rows(width, height, ended)
    heights = _heights(rows, height, num_classes)
    places: dict[str, Place] = {}
    top = 0
    for row, size in zip(rows, heights, strict=True):
        left = 0
        for number, name in enumerate(row):
            right = width * (number + 1) // len(row)
            places[name] = (left, top, right - left, size)
            left = right
        top += size
    return places


def _heights(rows: Rows, height: int, num_classes: int) -> list[int]:
    """Tables get a line for each class where that leaves enough for the plots, or else the confusion map a line for
    two, in half blocks; all others share what is left."""
    whole, halves = max(num_classes, 2) + 2, -(-num_classes // 2) + 3
    choices = [{index: whole + ("confusion" in row) for index, row in enumerate(rows) if set(row) & {*_TABLE}}]
    if halves > height // len(rows):
        choices.append({index: halves for index, row in enumerate(rows) if "confusion" in row})
    fixed: dict[int, int] = {}
    for choice in choices if num_classes else ():
        num_others = len(rows) - len(choice)
        if num_others and sum(choice.values()) + _LEAST_PLOT * num_others <= height:
            fixed = choice
            break
    others = [index for index in range(len(rows)) if index not in fixed]
    share, spare = divmod(height - sum(fixed.values()), len(others))
    sizes = fixed | {index: share + (number < spare) for number, index in enumerate(others)}
    return [sizes[index] for index in range(len(rows))]


class Overview(Pane):
    """The panes of the overview, placed anew whenever the size changes."""

    only: str | None = None
    """The pane that has the whole screen."""

    def compose(self) -> ComposeResult:
        """Every pane there is; `place` shows those that fit."""
        scene = self.scene
        yield PlotPane(scene, figures.loss, "Loss", id="loss")
        yield PlotPane(scene, figures.accuracy, "Accuracy", id="accuracy")
        yield PlotPane(scene, figures.learning_rate, "Learning rate", id="lr")
        yield ConfusionMap(scene, id="confusion")
        yield ClassList(scene, self.history, id="classes")
        yield LogTail(scene, id="log")
        yield PlotPane(scene, figures.gradient_norm, "Gradient norm", id="gradient")
        yield PlotPane(scene, figures.throughput, "Throughput", id="throughput")
        yield PlotPane(scene, figures.load, "Load", MACHINE, id="load")

    def first_focus(self) -> Widget | None:
        """Where the keys go at first."""
        return next((child for child in self.children if child.display), None)

    @property
    def shows_log(self) -> bool:
        """Where there is room for it, until the run ends."""
        return self.query_one(LogTail).display and not self.scene.is_over

    def back(self) -> bool:
        """Leave the full screen."""
        alone = self.only is not None
        if alone:
            self.toggle_only(None)
        return alone

    def place(self) -> None:
        """Give every pane its place."""
        state = self.scene.state
        width, height = self.size
        if not width or not height:
            return
        num_classes = len(state.run.superclasses or state.classes) if state.run else 10
        if state.run and len(state.classes) <= 40:
            num_classes = len(state.classes)
        places = arrange(width, height, num_classes, ended=self.scene.is_over, only=self.only)
        for child in self.children:
            place = places.get(child.id or "")
            child.display = place is not None
            if place is not None:
                x, y, child.styles.width, child.styles.height = place
                child.styles.offset = (x, y)

    def toggle_only(self, name: str | None) -> None:
        """Give one pane the whole screen, or take it back."""
        self.only = None if self.only == name else name
        self.place()
        self.call_after_refresh(self.show, None)

    def on_resize(self, event: events.Resize) -> None:
        """Place the panes for the new size."""
        self.place()
