"""A confusion matrix as a map: rows are actual classes, columns predicted ones.

Where cells are wide enough they hold numbers. Where the classes outnumber the lines, two classes share a line as the
upper and lower half of its cells. What does not fit even so is scrolled, so that the cursor stays in view. Right
answers have a ramp of their own: they are most of the counts and would drown the mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.render import numbers
from tui.render.canvas import Canvas
from tui.render.confusion import (
    Confusion,
    Counts,
    Normalise,
    Shares,
    abbreviate,
    collapse,
    shares,
    top_confusions,
)  # fmt: skip
from tui.render.palettes import Look, Role, ramp_color, shade
from tui.render.plot import message
from tui.render.safe import pad, safe

__all__ = [
    "Confusion", "Counts", "HeatLayout", "HeatSpec", "Normalise", "Shares", "abbreviate", "collapse", "draw_heatmap",
    "heat_layout", "shares", "top_confusions",
]  # fmt: skip

Cell = tuple[int, int]
"""Actual and predicted class."""

_SHADES, _ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
_MAX_LABEL = 14
_CURVE = 0.6  # level = share ** 0.6 of the greatest: mistakes of 2 % stay visible beside one of 20 %


@dataclass(frozen=True, eq=False)
class HeatSpec:
    """What a heatmap shows."""

    matrix: ArrayLike
    """Counts, K x K."""
    names: tuple[str, ...]
    normalise: Normalise = Normalise.ROW
    hide_diagonal: bool = False
    cursor: Cell | None = None
    baseline: ArrayLike | None = None
    """Counts to compare with, K x K: the map then shows the differences of the normalised values."""
    empty: str = "The first evaluation fills this map"


@dataclass(frozen=True)
class HeatLayout:
    """Which classes are in view, and where."""

    label: int
    """Columns before the cells."""
    cell: int
    """Columns of a cell."""
    lines: int
    """Lines of a row of cells; 0 where two rows share a line."""
    first: Cell
    """Class of the uppermost row and of the leftmost column."""
    rows: int
    columns: int
    header: int
    footer: int

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell under a mouse at column x, line y; the upper one of two on a line."""
        row = (y - self.header) * 2 if self.lines == 0 else (y - self.header) // self.lines
        column = (x - self.label) // self.cell
        if 0 <= row < self.rows and 0 <= column < self.columns:
            return self.first[0] + row, self.first[1] + column
        return None


def heat_layout(spec: HeatSpec, width: int, height: int, look: Look) -> HeatLayout:
    """Choose the size of the cells for width x height."""
    k = max(len(spec.names), 1)
    header = int(height >= 4)
    room = height - header
    longest = min(max((cell_len(safe(name)) for name in spec.names), default=0), _MAX_LABEL) + 1
    label = next((w for w in (longest, 5, 4) if w <= longest and width - w >= 4 * k), min(4, longest))
    cell = min(7, (width - label) // k)
    if cell >= 3 and room >= k:
        lines = min(3, room // k, max(1, cell // 2))
    else:
        lines = 0 if look.shaded and not look.ascii else 1
        widest = 6 if lines == 0 else 4
        # Three columns a cell give room for a name above it; the classes' own names come after that.
        cell = min(widest, (width - label) // k) if width - label >= 3 * k else max(1, min(2, (width - longest) // k))
        label = max(label, min(longest, width - cell * k, width // 3))
    per_line = 2 if lines == 0 else 1
    footer = int((height >= 8 and room > -(-k * max(lines, 1) // per_line)) or (height >= 12 and lines == 0))
    visible_rows = (room - footer) * 2 if lines == 0 else (room - footer) // lines
    rows, columns = min(k, max(visible_rows, 0)), min(k, max(width - label, 0) // cell)
    at = spec.cursor or (0, 0)
    first = (_scroll(at[0], rows, k, per_line), _scroll(at[1], columns, k, 1))
    return HeatLayout(label, cell, lines, first, rows, columns, header, footer)


def _scroll(at: int, shown: int, k: int, step: int) -> int:
    """The first of `shown` classes such that `at` is in the middle where possible; a multiple of `step`."""
    first = min(max(at - shown // 2, 0), max(k - shown, 0))
    return first - first % step if first + shown < k else first


@dataclass(frozen=True)
class _Drawing:
    """What all parts of one drawing share."""

    spec: HeatSpec
    at: HeatLayout
    look: Look
    width: int
    values: Shares
    levels: Shares
    """0..1, NaN where there is nothing."""
    top: tuple[float, float]
    """The greatest value off and on the diagonal."""
    short: list[str] = field(default_factory=list)


def draw_heatmap(spec: HeatSpec, width: int, height: int, look: Look) -> list[Strip]:
    """The map as `height` strips of `width` cells."""
    matrix = np.asarray(spec.matrix, np.float64)
    k = len(spec.names)
    if matrix.shape != (k, k) or not k or not matrix.any():
        return message(spec.empty, width, height, look)
    at = heat_layout(spec, width, height, look)
    if at.rows < 1 or at.columns < 1:
        return message("Too small for the map", width, height, look)
    values = shares(matrix, spec.normalise)
    if spec.baseline is not None:
        values = values - shares(spec.baseline, spec.normalise)
    levels, top = _levels(values, spec)
    short = abbreviate(spec.names, max(1, at.cell - max(_air(at.cell), 1)), ascii=look.ascii)
    drawing = _Drawing(spec, at, look, width, values, levels, top, short)
    lines = [_header(drawing)] if at.header else []
    if at.lines == 0:
        lines += [_pair(drawing, row) for row in range(at.first[0], at.first[0] + at.rows, 2)]
    else:
        for row in range(at.first[0], at.first[0] + at.rows):
            lines += [_row(drawing, row, line) for line in range(at.lines)]
    blank = Strip([Segment(" " * width)], width)
    lines += [blank] * (height - at.footer - len(lines))
    lines += [_footer(drawing)] if at.footer else []
    return [strip.adjust_cell_length(width) for strip in lines[:height]]


def _levels(values: Shares, spec: HeatSpec) -> tuple[Shares, tuple[float, float]]:
    diagonal = np.eye(len(values), dtype=bool)
    magnitude = np.abs(values)
    off = float(np.nanmax(np.where(diagonal, 0.0, magnitude), initial=0.0))
    on = float(np.nanmax(np.where(diagonal, magnitude, 0.0), initial=0.0))
    if spec.baseline is not None:
        off = on = max(off, 0.0 if spec.hide_diagonal else on)
    elif spec.normalise is not Normalise.COUNT:
        on = 1.0
    scale = np.where(diagonal, on or 1.0, off or 1.0)
    return np.minimum(magnitude / scale, 1.0) ** np.where(diagonal & (spec.baseline is None), 1.0, _CURVE), (off, on)


def _hidden(d: _Drawing, row: int, column: int) -> bool:
    return (row == column and d.spec.hide_diagonal) or bool(np.isnan(d.values[row, column]))


def _ramp(d: _Drawing, row: int, column: int) -> tuple[str, ...]:
    palette = d.look.palette
    if d.spec.baseline is not None:
        return palette.less if d.values[row, column] < 0 else palette.more
    return palette.diagonal if row == column else palette.heat


def _number(d: _Drawing, row: int, column: int) -> str:
    value = d.values[row, column]
    if not value:
        return "." if d.look.ascii else "·"
    if d.spec.normalise is Normalise.COUNT:
        text = numbers.compact(abs(value))
    else:
        text = f"{abs(100 * value):.0f}"
    if d.spec.baseline is not None and text != "0":
        text = ("-" if value < 0 else "+") + text
    return text if len(text) <= d.at.cell else text[: d.at.cell - 1] + "+"


def _cell(d: _Drawing, row: int, column: int, line: int) -> Segment:
    at, look = d.at, d.look
    hidden = _hidden(d, row, column)
    level = 0.0 if hidden else float(d.levels[row, column])
    text = ""
    if line == (at.lines - 1) // 2 and at.cell >= 3:
        text = ("\\" if look.ascii else "╲") if hidden else _number(d, row, column)
    if d.spec.cursor == (row, column):
        if text and len(text) <= at.cell - 2:
            text = "[" + text.rjust(at.cell - 2) + "]"
        return Segment(text.center(at.cell), look.style("cursor"))
    if hidden:
        return Segment(_place(text, at.cell), look.style("faint"))
    if look.shaded:
        style = shade(_ramp(d, row, column), level, bold=row == column)
        quiet = text in ("0", "·", ".") and level < 0.3
        return Segment(_place(text, at.cell), style + look.style("muted") if quiet else style)
    if at.cell >= 3:
        # The number says how much; the character only makes the large ones stand out.
        mark = ("  *#" if look.ascii else " ░▒▓")[min(int(level * 4), 3)]
        body = _place(mark + text if text.strip("·.") else "", at.cell)
    else:
        ramp = _ASCII_SHADES if look.ascii else _SHADES
        body = ramp[min(int(level * len(ramp)), len(ramp) - 1)] * at.cell
    role: Role = "good" if row == column else "bad" if level > 0.5 else "text"
    return Segment(body, look.style(role))


def _place(text: str, width: int) -> str:
    """Flush right with a column of air where there is one, so that numbers stand in a line."""
    air = min(_air(width), max(width - cell_len(text), 0))
    return pad(text + " " * air, width, right=True)


def _air(cell: int) -> int:
    return 2 if cell >= 6 else 1 if cell >= 4 else 0


def _row(d: _Drawing, row: int, line: int) -> Strip:
    at = d.at
    text = ""
    if line == (at.lines - 1) // 2:
        text = _row_label(d, row)
    segments = [Segment(pad(text, at.label - 1) + " ", _label_style(d, row, 0))]
    segments += [_cell(d, row, column, line) for column in range(at.first[1], at.first[1] + at.columns)]
    return Strip(segments)


def _row_label(d: _Drawing, row: int) -> str:
    name = safe(d.spec.names[row], ascii=d.look.ascii)
    if cell_len(name) < d.at.label:
        return name
    return abbreviate(d.spec.names, d.at.label - 1, ascii=d.look.ascii)[row]


def _label_style(d: _Drawing, index: int, axis: int) -> Style:
    if d.spec.cursor is not None and d.spec.cursor[axis] == index:
        return d.look.style("text") + Style(bold=True, underline=True)
    return d.look.style("muted")


def _pair(d: _Drawing, row: int) -> Strip:
    """Two rows of the matrix in one line of half blocks."""
    at, _look = d.at, d.look
    lower = row + 1 if row + 1 < at.first[0] + at.rows else None
    current = row
    if d.spec.cursor is not None and d.spec.cursor[0] == lower and lower is not None:
        current = lower
    segments = [Segment(pad(_row_label(d, current), at.label - 1) + " ", _label_style(d, current, 0))]
    text, style = "", None
    for column in range(at.first[1], at.first[1] + at.columns):
        upper_color = _pixel(d, row, column)
        lower_color = None if lower is None else _pixel(d, lower, column)
        new = Style(color=upper_color, bgcolor=lower_color)
        if new != style and text:
            segments.append(Segment(text, style))
            text = ""
        text, style = text + "▀" * at.cell, new
    segments.append(Segment(text, style))
    return Strip(segments)


def _pixel(d: _Drawing, row: int, column: int) -> str:
    if d.spec.cursor == (row, column):
        color = d.look.style("crosshair").color  # white or black: in no ramp's middle, unlike the cursor's yellow
        return color.name if color is not None else "#ffffff"
    level = 0.0 if _hidden(d, row, column) else float(d.levels[row, column])
    return ramp_color(_ramp(d, row, column), level)


def _header(d: _Drawing) -> Strip:
    at = d.at
    columns = range(at.first[1], at.first[1] + at.columns)
    if at.cell >= 3:
        segments = [Segment(" " * at.label)]
        for column in columns:
            segments.append(Segment(_place(d.short[column], at.cell), _label_style(d, column, 1)))
        return Strip(segments)
    # Narrow cells cannot be named: number every tenth, and name the cursor's.
    canvas = Canvas(d.width, 1)
    for column in columns:
        if column % 10 == 0:
            canvas.text(0, at.label + (column - at.first[1]) * at.cell, str(column), d.look.style("muted"))
    if d.spec.cursor is not None and d.spec.cursor[1] in columns:
        column = d.spec.cursor[1]
        name = safe(d.spec.names[column], _MAX_LABEL, ascii=d.look.ascii)
        start = at.label + (column - at.first[1]) * at.cell
        pointer = "v" if d.look.ascii else "▼"
        text = f"{pointer} {name} " if start + cell_len(name) + 3 <= d.width else f" {name} {pointer}"
        start -= 0 if text.startswith(pointer) else cell_len(text) - 1
        canvas.text(0, start, text, _label_style(d, column, 1))
    return canvas.strips()[0]


def _footer(d: _Drawing) -> Strip:
    """The scales, and what is out of view; what has no room is left out whole."""
    look, at = d.look, d.at
    per_cent = d.spec.normalise is not Normalise.COUNT
    if d.spec.baseline is not None:
        scales = [("less", look.palette.less, d.top[0]), ("more", look.palette.more, d.top[0])]
    else:
        scales = [("wrong", look.palette.heat, d.top[0]), ("right", look.palette.diagonal, d.top[1])]
        scales = scales[: 1 if d.spec.hide_diagonal else 2]
    muted = look.style("muted")
    parts: list[list[Segment]] = []
    for name, ramp, top in scales:
        if look.shaded:
            steps = [Segment(" ", shade(ramp, step / 7)) for step in range(8)]
        else:
            steps = [Segment(_ASCII_SHADES if look.ascii else _SHADES, look.style("text"))]
        end = numbers.percent(top, 0) if per_cent else numbers.compact(top)
        parts.append([Segment(f"{name} 0 ", muted), *steps, Segment(f" {end}   ", muted)])
    k = len(d.spec.names)
    if at.rows < k or at.columns < k:
        last = (at.first[0] + at.rows, at.first[1] + at.columns)
        text = f"rows {at.first[0] + 1}-{last[0]}, columns {at.first[1] + 1}-{last[1]} of {k}"
        parts.insert(0, [Segment(text + "   ", muted)])
    strip = Strip([])
    for part in parts:
        joined = Strip.join([strip, Strip(part)])
        if joined.cell_length - 3 <= d.width:
            strip = joined
    return strip
