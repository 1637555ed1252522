"""All classes with all their figures: sorted, filtered, grouped."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DataTable, Input, Static

from tui.bindings import ENDS
from tui.classes import ClassHistory, ClassRow
from tui.gallery import Subject
from tui.render import numbers
from tui.render.palettes import Look
from tui.render.safe import safe
from tui.render.spark import gauge, sparkline
from tui.widgets.drawn import EPOCHS, Scene
from tui.widgets.filter import FilterInput
from tui.widgets.pane import Pane
from tui.widgets.small import change_role

KEYS = [
    Binding("o", "sort(1)", "Order", tooltip="Sort by the next column"),
    Binding("O", "sort(-1)", "", show=False, tooltip="Sort by the column before"),
    Binding("r", "reverse", "Reverse", tooltip="The other way round"),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Only classes whose name holds a text"),
    Binding("g", "group", "Groups", tooltip="Keep the classes of a superclass together"),
    Binding("enter", "select_cursor", "Images", key_display="⏎", tooltip="The mistaken images of the class"),
]

_WIDE = 100
_SPARE = ("#", "precision", "images")
"""Columns left out of narrow tables."""
_MUCH = 0.2
"""So large a share of a class going to one other is worth a colour."""

SortKey = Callable[[ClassRow], Any]
Draw = Callable[[ClassRow, list[str], Look], Text]


def _share(value: float | None, look: Look) -> Text:
    return Text(numbers.percent(value), look.style("text"), justify="right")


COLUMNS: list[tuple[str, SortKey, Draw]] = [
    ("#", lambda row: row.index, lambda row, names, look: Text(str(row.index), look.style("muted"), justify="right")),
    ("class", lambda row: row.name.casefold(), lambda row, names, look: Text(safe(row.name, 28), look.style("text"))),
    ("accuracy", lambda row: row.accuracy, lambda row, names, look: _accuracy(row, look)),
    ("Δ", lambda row: row.change, lambda row, names, look: _change(row, look)),
    ("precision", lambda row: row.precision, lambda row, names, look: _share(row.precision, look)),
    ("F1", lambda row: row.f1, lambda row, names, look: _share(row.f1, look)),
    (
        "images",
        lambda row: row.support,
        lambda row, names, look: Text(f"{row.support:,}", look.style("muted"), justify="right"),
    ),
    ("trend", lambda row: _rise(row), lambda row, names, look: sparkline(row.trend, 12, look)),
    ("taken for", lambda row: -row.confused_share, lambda row, names, look: _taken(row, names, look)),
    (
        "published",
        lambda row: row.published,
        lambda row, names, look: Text(
            numbers.percent(row.published) if row.published is not None else "", look.style("ghost"), justify="right"
        ),
    ),
    (
        "superclass",
        lambda row: row.superclass,
        lambda row, names, look: Text(safe(row.superclass, 28), look.style("muted")),
    ),
]
"""Head, order and drawing of each column."""


def _rise(row: ClassRow) -> float | None:
    return row.trend[-1] - row.trend[0] if row.trend else None


def _accuracy(row: ClassRow, look: Look) -> Text:
    text = Text(numbers.percent(row.accuracy).rjust(6) + " ", look.style("text") + Style(bold=True))
    return text.append_text(gauge(row.accuracy, 8, look, role="series_a"))


def _change(row: ClassRow, look: Look) -> Text:
    return Text(numbers.points(row.change), look.style(change_role(row.change)), justify="right")


def _taken(row: ClassRow, names: list[str], look: Look) -> Text:
    if row.confused_with is None:
        return Text("")
    text = Text()
    text.append(f"{numbers.share(row.confused_share):>4} ", look.style("bad" if row.confused_share > _MUCH else "text"))
    return text.append(safe(names[row.confused_with], 24), look.style("muted"))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def arranged(rows: list[ClassRow], column: int, *, reverse: bool, grouped: bool, text: str) -> list[ClassRow]:
    """The rows that hold `text`, in order, missing values last; with `grouped`, superclass by superclass."""
    wanted, key = text.casefold().strip(), COLUMNS[column][1]
    kept = [row for row in rows if wanted in row.name.casefold() or wanted in row.superclass.casefold()]
    kept.sort(key=lambda row: 0.0 if _is_missing(key(row)) else key(row), reverse=reverse)
    kept.sort(key=lambda row: _is_missing(key(row)))
    if grouped:
        kept.sort(key=lambda row: row.superclass)
    return kept


class ClassTable(DataTable[Text]):
    """A row a class. Cells are updated in place; rows are only laid anew where their order changes."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS, *ENDS]

    def __init__(self, scene: Scene, history: ClassHistory, **kwargs: Any) -> None:
        super().__init__(cursor_type="row", **kwargs)
        self.scene = scene
        self._history = history
        self.column, self.descending, self.grouped, self.text = 2, False, False, ""
        self._order: list[int] = []
        self._shown: list[str] = []

    def refill(self) -> None:
        """Bring it up to date."""
        state, look = self.scene.state, self.scene.look
        known = self._history.rows(state)
        rows = arranged(known, self.column, reverse=self.descending, grouped=self.grouped, text=self.text)
        names, drawings = state.classes, {head: draw for head, _, draw in COLUMNS}
        spare = _SPARE if self.size.width and self.size.width < _WIDE else ()
        used = [
            head
            for head, _, _ in COLUMNS
            if head not in spare
            and (head != "published" or any(row.published is not None for row in rows))
            and (head != "superclass" or any(row.superclass for row in rows))
        ]
        if self.size.width and "superclass" in used:
            # Of all rows, so that the column does not come and go while a filter is typed.
            widths = [
                max(len(head), *(drawings[head](row, names, look).cell_len for row in known)) for head in used[:-1]
            ]
            if sum(widths) + len("superclass") + 2 * self.cell_padding * len(used) > self.size.width:
                used.remove("superclass")  # less of it than its head would be seen
        order = [row.index for row in rows]
        heads = [self._head(head) for head in used]
        if heads != self._shown:
            self.clear(columns=True)
            for head, label in zip(used, heads, strict=True):
                self.add_column(Text(label), key=head)
            self._shown, self._order = heads, []
        if order == self._order:
            for row in rows:
                for head in used:
                    self.update_cell(str(row.index), head, drawings[head](row, names, look))
            return
        at = self._order[self.cursor_row] if self.cursor_row < len(self._order) else None
        self.clear()
        for row in rows:
            self.add_row(*(drawings[head](row, names, look) for head in used), key=str(row.index))
        self._order = order
        if at in order:  # the cursor stays on its class
            self.move_cursor(row=order.index(at), animate=False)

    def on_resize(self) -> None:
        """Columns for the new width, which is also that of a table that was hidden."""
        self.refill()

    def _head(self, head: str) -> str:
        return f"{head} {'▼' if self.descending else '▲'}" if COLUMNS[self.column][0] == head else head

    def action_sort(self, direction: int) -> None:
        """Another column."""
        used = [
            index for index, (head, _, _) in enumerate(COLUMNS) if any(label.startswith(head) for label in self._shown)
        ]
        at = used.index(self.column) if self.column in used else 0
        self.column = used[(at + direction) % len(used)] if used else self.column
        self.refill()

    def action_reverse(self) -> None:
        """The other way round."""
        self.descending = not self.descending
        self.refill()

    def action_group(self) -> None:
        """Superclass by superclass, or not."""
        if self.scene.state.run is None or not self.scene.state.run.superclass_of:
            self.notify("this data set has no superclasses", timeout=2)
            return
        self.grouped = not self.grouped
        self.refill()

    def action_filter(self) -> None:
        """Ask for a text."""
        self.post_message(FilterInput.Wanted())

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """A click on a head sorts by it; on the same head again, the other way round."""
        heads = [head for head, _, _ in COLUMNS]
        chosen = heads.index(str(event.column_key.value))
        self.descending = not self.descending if chosen == self.column else False
        self.column = chosen
        self.refill()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Show the images of the class."""
        index = int(str(event.row_key.value))
        name = self.scene.state.classes[index]
        self.post_message(Pane.Opens("images", Subject(actual=frozenset([index]), title=name)))


class ClassesPane(Pane):
    """The table and a line to filter it."""

    KEYS = KEYS

    def compose(self) -> ComposeResult:
        """Table, what is said where it is empty, and the filter below it."""
        yield ClassTable(self.scene, self.history)
        yield Static(classes="nothing", markup=False)
        yield FilterInput(placeholder="part of a class or superclass")

    def first_focus(self) -> Widget | None:
        """The table."""
        return self.query_one(ClassTable)

    def show(self, kinds: set[type] | None) -> None:
        """After each epoch."""
        if kinds is None or kinds & EPOCHS:
            self._refill()

    def recolor(self) -> None:
        """Cells hold their colours."""
        self._refill()

    def _refill(self) -> None:
        table, nothing = self.query_one(ClassTable), self.query_one(".nothing", Static)
        table.refill()
        is_empty = table.row_count == 0
        self.set_class(is_empty, "-empty")
        if is_empty:
            has_rows = bool(self.history.rows(self.scene.state))
            text = f"No class holds “{safe(table.text, 28)}”" if has_rows else "The first evaluation fills this table"
            nothing.update(Text(text, self.scene.look.style("muted")))

    def back(self) -> bool:
        """Close the filter."""
        return self.query_one(FilterInput).close()

    def on_filter_input_wanted(self, message: FilterInput.Wanted) -> None:
        """Open the filter."""
        self.query_one(FilterInput).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        event.stop()
        self.query_one(ClassTable).text = event.value
        self._refill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and give the keys back."""
        event.stop()
        self.query_one(FilterInput).close(keep=True)
        self.query_one(ClassTable).focus()
