"""The confusion matrix with a cursor, and what is under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.metrics import top_confusions
from tui.confusion_view import Against, ConfusionView, compared, turned
from tui.render import numbers
from tui.render.heatmap import Normalise, draw_heatmap, heat_layout, shares
from tui.render.safe import pad, safe
from tui.render.spark import sparkline
from tui.widgets.drawn import EPOCHS, Drawn, Scene
from tui.widgets.frame import Title, framed, text_strip
from tui.widgets.pane import Pane

KEYS = [
    Binding(
        "enter", "open", "Images", key_display="⏎", tooltip="The images of the cell, or the classes of a superclass"
    ),
    Binding("m", "normalise", "Rows/cols", tooltip="Shares of the row, of the column, or counts"),
    Binding("h", "hide_diagonal", "Diagonal", tooltip="Hide or show the right answers"),
    Binding("g", "group", "Groups", tooltip="Superclasses or all classes"),
    Binding("b", "compare", "Compare", tooltip="Difference to the epoch before, the first, the best"),
    Binding("left_square_bracket", "epoch(-1)", "Epoch", key_display="[", tooltip="An epoch earlier"),
    Binding("right_square_bracket", "epoch(1)", "", show=False, key_display="]", tooltip="An epoch later"),
    Binding("left", "move(0, -1)", "", show=False, key_display="←", tooltip="One class to the left"),
    Binding("right", "move(0, 1)", "", show=False, key_display="→", tooltip="One class to the right"),
    Binding("up", "move(-1, 0)", "", show=False, key_display="↑", tooltip="One class up"),
    Binding("down", "move(1, 0)", "", show=False, key_display="↓", tooltip="One class down"),
]
_TITLE_CELLS = 21
"""Of the frame's upper edge, besides the legend and the epoch."""


class ConfusionGrid(Drawn, can_focus=True):
    """The map with its cursor."""

    WATCHES = EPOCHS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    class Moved(Message):
        """Another cell, or another view."""

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.choices = ConfusionView()

    def draw(self, width: int, height: int) -> list[Strip]:
        """The map."""
        state, look = self.scene.state, self.scene.look
        view = self.choices
        body = draw_heatmap(view.spec(state), width - 2, height - 2, look)
        parts = [(view.normalise.value, look.style("text"))]
        if view.opened is not None and state.run:
            parts.append((f"within {safe(state.run.superclasses[view.opened])}", look.style("done")))
        baseline = view.baseline_epoch(state)
        if view.against is not Against.NOTHING:
            told = f"against epoch {baseline}" if baseline is not None else f"against {view.against.value}: none yet"
            parts.append((told, look.style("now")))
        epoch = view.shown_epoch(state)
        right = Text(f"epoch {epoch}" if epoch else "", look.style("muted"))
        legend = Text("   ", no_wrap=True, end="").join(Text(*part) for part in parts)
        while len(parts) > 1 and legend.cell_len > width - right.cell_len - _TITLE_CELLS:
            del parts[0]  # what stands further on says what was chosen last
            legend = Text("   ", no_wrap=True, end="").join(Text(*part) for part in parts)
        return framed(body, Title("Confusion", legend=legend, right=right), width, height, look)

    def change(self, view: ConfusionView) -> None:
        """Look at it in another way."""
        self.choices = view
        self.redraw()
        self.post_message(self.Moved())

    @property
    def _num_groups(self) -> int:
        return len(self.choices.groups(self.scene.state))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor."""
        self.change(self.choices.clamped(self._num_groups).moved(down, right, self._num_groups))

    def action_normalise(self) -> None:
        """The next way."""
        self.change(turned(self.choices))

    def action_hide_diagonal(self) -> None:
        """Hide or show."""
        self.change(replace(self.choices, hide_diagonal=not self.choices.hide_diagonal))

    def action_group(self) -> None:
        """Superclasses or all classes; where there are none, say so."""
        state = self.scene.state
        if state.run is None or not state.run.superclass_of:
            self.notify("this data set has no superclasses", timeout=2)
            return
        grouped = len(self.choices.groups(state)) == len(state.run.superclasses)
        self.change(replace(self.choices, by_superclass=not grouped, opened=None, cursor=(0, 0)))

    def action_compare(self) -> None:
        """The next epoch to compare with."""
        self.change(compared(self.choices))

    def action_epoch(self, direction: int) -> None:
        """Another epoch; the last one is followed."""
        known = [ended.epoch for ended in self.scene.state.epochs]
        shown = self.choices.shown_epoch(self.scene.state)
        if shown is None:
            return
        at = min(max(known.index(shown) + direction, 0), len(known) - 1)
        self.change(replace(self.choices, epoch=None if at == len(known) - 1 else known[at]))

    def action_open(self) -> None:
        """Into a superclass on the diagonal, or to the images of a cell."""
        state, view = self.scene.state, self.choices
        groups = view.groups(state)
        if not groups:
            return
        row, column = view.clamped(len(groups)).cursor
        if row == column and len(groups[row][1]) > 1:
            self.change(replace(view, opened=row, cursor=(0, 0)))
            return
        subject = view.subject(state)
        if subject is not None:
            self.post_message(Pane.Opens("images", subject))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; the second click opens."""
        layout = heat_layout(
            self.choices.spec(self.scene.state), self.size.width - 2, self.size.height - 2, self.scene.look
        )
        cell = layout.cell_at(event.x - 1, event.y - 1)
        if cell is not None:
            self.change(replace(self.choices, cursor=cell))
            if event.chain == 2:
                self.action_open()


class ConfusionSide(Drawn):
    """The cell under the cursor in words, and the commonest mistakes."""

    WATCHES = EPOCHS

    def __init__(self, scene: Scene, grid: ConfusionGrid, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._grid = grid

    def draw(self, width: int, height: int) -> list[Strip]:
        """The cell, then the list."""
        state, look = self.scene.state, self.scene.look
        view = self._grid.choices
        spec = view.spec(state)
        counts = np.asarray(spec.matrix, np.int64)
        inner = width - 2
        lines: list[Text] = []

        def line(label: str, value: str, strong: bool = False) -> None:
            text = Text(" ", no_wrap=True, end="")
            text.append(pad(label, 10), look.style("muted"))
            style = look.style("text") + Style(bold=strong)
            text.append(safe(value, max(inner - 12, 1), ascii=look.ascii), style)
            lines.append(text)

        if counts.size and counts.any() and spec.cursor is not None:
            row, column = spec.cursor
            by_row, by_column = shares(counts, Normalise.ROW), shares(counts, Normalise.COLUMN)
            line("actual", spec.names[row], strong=True)
            line("predicted", spec.names[column], strong=True)
            line("images", f"{counts[row, column]:,} of {counts[row].sum():,}")
            line("of actual", numbers.percent(float(by_row[row, column])))
            line("of pred.", numbers.percent(float(by_column[row, column])))
            past = [view.counts(state, ended.epoch) for ended in state.epochs[-(inner - 12) :]]
            trend = [None if c is None else float(shares(c, Normalise.ROW)[row, column]) for c in past]
            text = Text(" ", no_wrap=True, end="").append(pad("trend", 10), look.style("muted"))
            lines.append(text.append_text(sparkline(trend, len(trend), look, low=0.0)))
        body = [text_strip(text, inner) for text in lines]
        cell = framed(body, Title("Cell"), width, min(8, height), look)
        rest = height - len(cell)
        found = top_confusions(counts, max(rest - 2, 0), by_count=True) if counts.size else []
        listed = []
        for mistake in found:
            text = Text(" ", no_wrap=True, end="")
            chosen = spec.cursor == (mistake.actual, mistake.predicted)
            text.append(f"{mistake.count:>5} ", look.style("text") + Style(bold=True))
            text.append(f"{numbers.share(mistake.share):>5}  ", look.style("muted"))
            names = _pair(spec.names[mistake.actual], spec.names[mistake.predicted], inner - 15, look.ascii)
            text.append(names, look.style("cursor") if chosen else look.style("text"))
            listed.append(text_strip(text, inner))
        return [*cell, *framed(listed, Title("Commonest mistakes"), width, rest, look)]

    def on_click(self, event: events.Click) -> None:
        """A mistake of the list puts the cursor on its cell."""
        view = self._grid.choices
        spec = view.spec(self.scene.state)
        found = top_confusions(np.asarray(spec.matrix, np.int64), max(self.size.height - 10, 0), by_count=True)
        if 0 <= event.y - 9 < len(found):
            mistake = found[event.y - 9]
            self._grid.change(replace(view, cursor=(mistake.actual, mistake.predicted)))
            if event.chain == 2:
                self._grid.action_open()


def _pair(actual: str, predicted: str, room: int, ascii: bool) -> str:
    """`cat → dog`; a name is cut off no further than the other one needs the room."""
    both = max(room - 3, 2)
    first = safe(actual, max(both // 2, both - cell_len(safe(predicted))), ascii=ascii)
    return safe(f"{first} → {safe(predicted, both - cell_len(first), ascii=ascii)}", max(room, 1), ascii=ascii)


class ConfusionPane(Pane):
    """Map and side."""

    KEYS = KEYS

    def compose(self) -> ComposeResult:
        """The side stands beside the map where there is room."""
        grid = ConfusionGrid(self.scene)
        with Horizontal():
            yield grid
            yield ConfusionSide(self.scene, grid, id="confusion-side")

    def first_focus(self) -> Widget | None:
        """The map."""
        return self.query_one(ConfusionGrid)

    def on_resize(self, event: events.Resize) -> None:
        """Below 100 columns the map needs them all."""
        self.query_one(ConfusionSide).display = event.size.width >= 100

    def on_confusion_grid_moved(self) -> None:
        """The side follows the cursor."""
        self.query_one(ConfusionSide).redraw()

    def back(self) -> bool:
        """Out of a superclass."""
        grid = self.query_one(ConfusionGrid)
        opened = grid.choices.opened
        if opened is not None:
            grid.change(replace(grid.choices, opened=None, cursor=(opened, opened)))
        return opened is not None
