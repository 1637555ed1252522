"""The small panes of the overview: classes, confusion, log, summary."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from core.metrics import collapse
from tui.classes import ClassHistory, ClassRow
from tui.narrate import summary, tell, way_on, worth_telling
from tui.render import numbers
from tui.render.heatmap import HeatSpec, draw_heatmap, heat_layout
from tui.render.palettes import Look, Role
from tui.render.plot import message
from tui.render.safe import pad, safe, wrap
from tui.render.spark import sparkline
from tui.widgets.drawn import EPOCHS, LOGGED, Drawn, Scene
from tui.widgets.frame import Title, framed, text_strip
from tui.widgets.pane import Pane

_LONG_TITLE = 46  # columns of a pane
_HIGHLIGHT = 0.005
"""Changes smaller than half a point are not worth a colour."""


class Small(Drawn, can_focus=True):
    """A small pane that opens a large one by Enter or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "open", "Open")]
    OPENS: ClassVar[str]
    """Name of the large pane."""

    def action_open(self) -> None:
        """Show the large pane."""
        self.post_message(Pane.Opens(self.OPENS))

    def on_click(self, event: events.Click) -> None:
        """The second click opens."""
        if event.chain == 2:
            self.action_open()


class ConfusionMap(Small):
    """The whole confusion matrix; of many classes that have superclasses, those."""

    OPENS = "confusion"
    WATCHES = EPOCHS

    def draw(self, width: int, height: int) -> list[Strip]:
        """The map."""
        state, look = self.scene.state, self.scene.look
        names = tuple(state.classes)
        matrix = state.confusion
        run = state.run
        name = "Confusion"
        if matrix is not None and run is not None and run.superclass_of and len(names) > 40:
            matrix = collapse(matrix, run.superclass_of, len(run.superclasses))
            names = tuple(run.superclasses)
            name = "Confusion of superclasses" if width >= _LONG_TITLE else "Superclasses"
        spec = HeatSpec(
            np.zeros((len(names), len(names))) if matrix is None else matrix,
            names,
            empty="The first evaluation fills this map: rows are actual classes, columns predicted ones",
        )
        body = draw_heatmap(spec, width - 2, height - 2, look)
        hint = Text("actual ↓ predicted →" if not look.ascii else "rows actual, columns predicted", look.style("muted"))
        at = heat_layout(spec, width - 2, height - 2, look)
        cut = f"{at.rows} of {len(names)}, " if at.rows < len(names) else ""
        right = Text(f"{cut}epoch {state.epoch}", look.style("muted")) if state.epochs else None
        return framed(body, Title(name, legend=hint, right=right), width, height, look, focused=self.has_focus)


class ClassList(Small):
    """Classes with accuracy, change, trend and what they are taken for."""

    OPENS = "classes"
    WATCHES = EPOCHS

    def __init__(self, scene: Scene, history: ClassHistory, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._history = history

    def draw(self, width: int, height: int) -> list[Strip]:
        """The table; where not all classes fit, the hardest come first."""
        state, look = self.scene.state, self.scene.look
        rows = self._history.rows(state)
        name = "Classes"
        shown = rows
        inner = width - 2
        room = max(height - 2, 0)
        if len(rows) > room:
            shown = sorted(rows, key=lambda row: (math.isnan(row.accuracy), row.accuracy))[:room]
            name = f"Hardest of {len(rows)}"
        heads: tuple[tuple[int, str], ...] = ()
        if rows:
            columns = class_columns(inner, max((len(safe(row.name)) for row in shown), default=5))
            heads = class_heads(columns)
            body = [class_line(row, state.classes, columns, inner, look) for row in shown]
        else:
            body = message("The first evaluation fills this table", inner, height - 2, look)
        title = Title(name, heads=heads)
        return framed(body, title, width, height, look, focused=self.has_focus)


Columns = dict[str, int]
"""Widths of the columns that fit, in order."""
_HEADS = {
    "class": "class",
    "acc": "acc",
    "change": "Δ",
    "prec": "prec",
    "f1": "F1",
    "trend": "trend",
    "with": "taken for",
}


def class_columns(width: int, longest: int) -> Columns:
    """The columns that fit into `width`, the least needed left out first."""
    name = min(max(longest, 5), 16)
    columns: Columns = {"class": name, "acc": 5, "change": 5, "prec": 5, "f1": 5, "trend": 10, "with": 15}
    for leave in ("f1", "prec", "trend", "with"):
        if sum(columns.values()) + 2 * len(columns) <= width:
            break
        del columns[leave]
    spare = width - sum(columns.values()) - 2 * len(columns)
    if "trend" in columns and spare > 0:
        more = min(spare, 20)
        columns["trend"] += more
        spare -= more
    if "with" in columns and spare > 0:
        columns["with"] += min(spare, 12)
    return columns


def class_heads(columns: Columns) -> tuple[tuple[int, str], ...]:
    """Heads of the columns after the first, with where they begin in a frame around them."""
    heads = []
    start = 2
    for name, size in columns.items():
        head = _HEADS[name]
        if name != "class":
            heads.append((start if name in ("trend", "with") else start + size - len(head), head))
        start += size + 2
    return tuple(heads)


def class_line(row: ClassRow, names: list[str], columns: Columns, width: int, look: Look) -> Strip:
    """A row of the table."""
    text = Text(" ", no_wrap=True, end="")
    for number, (name, size) in enumerate(columns.items()):
        if number:
            text.append("  ")
        match name:
            case "class":
                text.append(pad(safe(row.name, size, ascii=look.ascii), size), look.style("text"))
            case "acc":
                text.append(pad(numbers.percent(row.accuracy), size, right=True), look.style("text") + Style(bold=True))
            case "change":
                text.append(pad(numbers.points(row.change), size, right=True), look.style(change_role(row.change)))
            case "prec":
                text.append(pad(numbers.percent(row.precision), size, right=True), look.style("muted"))
            case "f1":
                text.append(pad(numbers.percent(row.f1), size, right=True), look.style("muted"))
            case "trend":
                bars = sparkline(row.trend, min(size, len(row.trend)), look)
                text.append(pad(bars.plain, size), look.style("train"))
            case "with":
                text.append(pad(taken_for(row, names, size, look), size), look.style("muted"))
    return text_strip(text, width)


def change_role(change: float | None) -> Role:
    """The role of a change; it has its sign besides."""
    if change is None or math.isnan(change) or abs(change) < _HIGHLIGHT:
        return "muted"
    return "good" if change > 0 else "bad"


def taken_for(row: ClassRow, names: list[str], size: int, look: Look) -> str:
    """The class most often predicted instead, with its share."""
    if row.confused_with is None:
        return ""
    share = pad(numbers.share(row.confused_share), 3, right=True)
    return f"{share} {safe(names[row.confused_with], size - 4, ascii=look.ascii)}"


class LogTail(Small):
    """The last lines of the log, or the summary once the run has ended."""

    OPENS = "log"
    WATCHES = LOGGED

    def draw(self, width: int, height: int) -> list[Strip]:
        """Log or summary."""
        state, look = self.scene.state, self.scene.look
        inner = width - 2
        if self.scene.is_over:
            body, room = [], max(inner - 12, 1)
            (status, reason, role), *others = summary(state)
            command = way_on(state, self.scene.source.folder)
            # Near the top and in full: a command that is cut off, or lies below the frame, is of no use.
            way = wrap(safe(command, ascii=look.ascii), room) if command else []
            why = wrap(safe(reason, 4000, ascii=look.ascii), room)
            if len(why) > (most := max(height - 2 - len(way), 1)):
                why = [*why[: most - 1], safe(" ".join(why[most - 1 :]), room, ascii=look.ascii)]
            lines = [("" if number else status, part, role) for number, part in enumerate(why)]
            lines += [("" if number else "go on", part, "done") for number, part in enumerate(way)]
            for label, text, role in [*lines, *others]:
                line = Text(" ", no_wrap=True, end="")
                line.append(pad(label, 10), look.style("muted"))
                line.append(safe(text, room, ascii=look.ascii), look.style(role))
                body.append(text_strip(line, inner))
            return framed(body, Title("Summary"), width, height, look, focused=self.has_focus)
        entries = worth_telling(state)[-max(height - 2, 0) :] if height > 2 else []
        body = [log_line(timed.seconds, *tell(timed), inner, look) for timed in entries]
        if not body:
            body = message("Waiting for the trainer's first word", inner, height - 2, look)
        return framed(body, Title("Log"), width, height, look, focused=self.has_focus)


def log_line(seconds: float, sign: str, role: Role, text: str, width: int, look: Look) -> Strip:
    """A line of the log: time since the start, sign, text."""
    line = Text(no_wrap=True, end="")
    line.append(numbers.clock(seconds).rjust(7) + " ", look.style("muted"))
    line.append(sign + " ", look.style(role))
    line.append(safe(text, max(width - 10, 1), ascii=look.ascii), look.style("bad" if role == "bad" else "text"))
    return text_strip(line, width)
