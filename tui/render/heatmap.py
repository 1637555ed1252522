"""A confusion matrix as a map: rows are actual classes, columns predicted ones.

Where cells are wide enough they hold numbers. Where the classes outnumber the lines, two classes share a line as the
upper and lower half of its cells. What does not fit even so is scrolled, so that the cursor stays in view. Right
answers have a ramp of their own: they are most of the counts and would drown the mistakes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.render import numbers
from tui.render.canvas import Canvas
from tui.render.confusion import Counts, Normalise, Shares, abbreviate, shares
from tui.render.heatgrid import MAX_LABEL, HeatLayout, HeatSpec, heat_layout
from tui.render.palettes import Look, Role
from tui.render.plot import message
from tui.render.ramps import LEVELS, Ramp, half_block
from tui.render.safe import pad, safe

__all__ = [
    "Counts", "HeatLayout", "HeatSpec", "Normalise", "Shares", "abbreviate", "draw_heatmap", "heat_layout", "shares",
]  # fmt: skip

_SHADES, _ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
_CURVE = 0.6  # level = share ** 0.6 of the greatest: mistakes of 2 % stay visible beside one of 20 %


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


def draw_heatmap(spec: HeatSpec, width: int, height: int, look: Look) -> list[Strip]:
    """The map as `height` strips of `width` cells."""
    matrix = np.asarray(spec.matrix, np.float64)
    k = len(spec.names)
    if matrix.shape != (k, k) or not matrix.any():
        return message(spec.empty, width, height, look)
    at = heat_layout(spec, width, height, look)
    if at.columns < 1:
        return message("Too small for the map", width, height, look)
    values = shares(matrix, spec.normalise)
    if spec.baseline is not None:
        values = values - shares(spec.baseline, spec.normalise)
    levels, top = _levels(values, spec)
    drawing = _Drawing(spec, at, look, width, values, levels, top)
    lines = [_header(drawing)] if at.header else []
    if at.lines == 0:
        colors, pixels = _pixels(drawing)
        lines += [_pair(drawing, row, colors, pixels) for row in range(at.first[0], at.first[0] + at.rows, 2)]
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
    return (magnitude / scale) ** np.where(diagonal & (spec.baseline is None), 1.0, _CURVE), (off, on)


def _hidden(d: _Drawing, row: int, column: int) -> bool:
    return (row == column and d.spec.hide_diagonal) or bool(np.isnan(d.values[row, column]))


def _ramp(d: _Drawing, row: int, column: int) -> Ramp:
    palette = d.look.palette
    if d.spec.baseline is not None:
        return palette.less if d.values[row, column] < 0 else palette.more
    return palette.diagonal if row == column else palette.heat


def _number(d: _Drawing, row: int, column: int) -> str:
    value = d.values[row, column]
    if not value:
        return "." if d.look.ascii else "·"
    sign = "" if d.spec.baseline is None else "-" if value < 0 else "+"
    if d.spec.normalise is Normalise.COUNT:  # 12.3k is rounded to 12k where there is no room, and not cut to 12.
        texts = [numbers.compact(float(f"{abs(value):.{digits}g}")) for digits in (3, 2, 1)]
    else:
        texts = [f"{abs(100 * value):.0f}"]
    signed = [text if text == "0" else sign + text for text in texts]
    cut = safe(signed[-1], d.at.cell, ascii=d.look.ascii)
    return next((text for text in signed if len(text) <= d.at.cell), cut)


def _cell(d: _Drawing, row: int, column: int, line: int) -> Segment:
    at, look = d.at, d.look
    hidden = _hidden(d, row, column)
    text = ""
    if line == (at.lines - 1) // 2 and at.cell >= 3:
        text = ("\\" if look.ascii else "╲") if hidden else _number(d, row, column)
    if d.spec.cursor == (row, column):
        if text and len(text) <= at.cell - 2:
            text = " " * (at.cell - 2 - len(text) - max(_air(at.cell) - 1, 0)) + f"[{text}]"
            return Segment(text.ljust(at.cell), look.style("cursor"))
        return Segment(_place(text, at.cell), look.style("cursor"))
    if hidden:
        return Segment(_place(text, at.cell), look.style("faint"))
    level = float(d.levels[row, column])
    if look.shaded:
        style = look.shade(_ramp(d, row, column), level, bold=row == column)
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
    return pad(text + " " * _air(width), width, right=True)


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
    return abbreviate(d.spec.names, d.at.label - 1, ascii=d.look.ascii)[row]


def _label_style(d: _Drawing, index: int, axis: int) -> Style:
    if d.spec.cursor is not None and d.spec.cursor[axis] == index:
        return d.look.style("text") + Style(bold=True, underline=True)
    return d.look.style("muted")


def _pair(d: _Drawing, row: int, colors: list[str], pixels: NDArray[np.int64]) -> Strip:
    """Two rows of the matrix in one line of half blocks."""
    at = d.at
    has_lower = row + 1 < at.first[0] + at.rows
    current = row
    if d.spec.cursor is not None and d.spec.cursor[0] == row + 1:
        current = row + 1
    segments = [Segment(pad(_row_label(d, current), at.label - 1) + " ", _label_style(d, current, 0))]
    shown = slice(at.first[1], at.first[1] + at.columns)
    upper = pixels[row, shown]
    lower = pixels[row + 1, shown] if has_lower else np.full_like(upper, len(colors) - 1)
    cuts = np.flatnonzero((upper[1:] != upper[:-1]) | (lower[1:] != lower[:-1])) + 1
    for start, end in itertools.pairwise([0, *cuts.tolist(), at.columns]):
        style = half_block(colors[upper[start]], colors[lower[start]])
        segments.append(Segment("▀" * ((end - start) * at.cell), style))
    return Strip(segments)


def _pixels(d: _Drawing) -> tuple[list[str], NDArray[np.int64]]:
    """All colours the map may use, the last of them none at all, and for each cell the number of its own."""
    palette = d.look.palette
    k = len(d.values)
    steps = np.rint(np.nan_to_num(d.levels) * LEVELS).astype(np.int64)
    if d.spec.baseline is not None:
        ramps, second = (palette.more, palette.less), d.values < 0
    else:
        ramps, second = (palette.heat, palette.diagonal), np.eye(k, dtype=bool)
    steps[second] += LEVELS + 1
    if d.spec.hide_diagonal:
        steps[np.arange(k), np.arange(k)] = 0
    # The cursor is white or black: those are in no ramp's middle.
    color = d.look.style("crosshair").color
    if d.spec.cursor is not None:
        steps[d.spec.cursor] = 2 * (LEVELS + 1)
    return [*d.look.colors(ramps[0]), *d.look.colors(ramps[1]), color.name if color else "#808080", ""], steps


def _header(d: _Drawing) -> Strip:
    at = d.at
    columns = range(at.first[1], at.first[1] + at.columns)
    if at.cell >= 3:
        segments = [Segment(" " * at.label)]
        short = abbreviate(d.spec.names, at.cell - max(_air(at.cell), 1), ascii=d.look.ascii)
        for column in columns:
            segments.append(Segment(_place(short[column], at.cell), _label_style(d, column, 1)))
        return Strip(segments)
    # Narrow cells cannot be named: number every tenth, and name the cursor's.
    canvas = Canvas(d.width, 1)
    for column in columns:
        if column % 10 == 0:
            canvas.text(0, at.label + (column - at.first[1]) * at.cell, str(column), d.look.style("muted"))
    if d.spec.cursor is not None:
        column = d.spec.cursor[1]
        name = safe(d.spec.names[column], MAX_LABEL, ascii=d.look.ascii)
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
            steps = [Segment(" ", look.shade(ramp, step / 7)) for step in range(8)]
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
