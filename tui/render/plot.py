"""A line plot as strips: curves from plotext, all around them drawn here.

Layers from the back: shades, grid, marks, bands, curves, crosshair, points, notes. A curve in front hides the dots
of one behind it within a cell, so that crossings stay readable where a cell has one colour only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.render.axes import Axis, Tick, Unit, value_label
from tui.render.canvas import Canvas
from tui.render.curves import BRAILLE, Stroke, fill, pack, trace
from tui.render.decimate import Floats, band, min_max, smooth_at, visible
from tui.render.figure import Frame, Mark, Note, PlotSpec, Range, Series, Shade, layout
from tui.render.palettes import Depth, Look, Role
from tui.render.safe import safe, to_ascii, wrap

__all__ = [
    "Axis", "Frame", "Mark", "Note", "PlotSpec", "Range", "Reading", "Series", "Shade", "Stroke", "Tick", "Unit",
    "draw_plot", "layout", "legend", "message", "readout",
]  # fmt: skip

_GLYPHS = {
    Stroke.LINE: ("─", "*"),
    Stroke.HEAVY: ("━", "#"),
    Stroke.DASHED: ("╌", "="),
    Stroke.DOTTED: ("·", "+"),
    Stroke.BAND: ("▒", ":"),
}
"""A stroke in a legend, and in an ASCII plot."""


@np.errstate(over="ignore", invalid="ignore")  # sums of values near 1e308 overflow to infinity, which is drawn as a gap
def draw_plot(spec: PlotSpec, width: int, height: int, look: Look) -> list[Strip]:
    """The plot as `height` strips of `width` cells; its empty text where it has nothing to show."""
    frame = layout(spec, width, height)
    if frame is None:
        return message(spec.empty, width, height, look)
    canvas = Canvas(width, height)
    area = canvas.window(0, frame.left, frame.columns, frame.rows)
    _draw_axes(canvas, frame, look, spec.crosshair)
    for mark in spec.marks:
        _draw_rule(area, frame, mark.x, "╎", look.style(mark.role), look)
    covered = np.zeros((frame.rows, frame.columns), bool)
    for series in spec.series:
        if series.stroke is Stroke.BAND:
            covered |= _draw_band(area, frame, series, look, fitted=spec.y_range is None)
    _draw_curves(area, frame, [s for s in spec.series if s.stroke is not Stroke.BAND], covered, look)
    if spec.crosshair is not None:
        _draw_crosshair(area, frame, spec, spec.crosshair, look)
    for series in spec.series:
        _draw_markers(area, frame, series, look)
    for mark in spec.marks:
        column = frame.column(mark.x)
        if column is not None:  # on the axis, where no curve can be in the way
            row = frame.rows if frame.axis_line else frame.rows - 1
            style = look.style(mark.role) + Style(bold=True, reverse=True)
            canvas.text(row, frame.left + column, safe(mark.letter, 1, ascii=look.ascii), style)
    for note in spec.notes:  # over the letters, which a low plot has among its curves: a value must not be misread
        _draw_note(area, frame, note, look)
    for shade in spec.shades:
        _draw_shade(area, frame, shade, look)
    return canvas.strips()


def legend(spec: PlotSpec, look: Look, width: int | None = None) -> Text:
    """The curves by name with the stroke they are drawn in, for the title of a pane: ─ train  ━● validation.

    Where that is wider than `width`, the curves at the back, which matter least, are left out.
    """
    text = Text(no_wrap=True, end="")
    for series in reversed(spec.series):
        if not series.label:
            continue
        glyph = _GLYPHS[series.stroke][look.ascii] + _plain(series.marker, look)
        entry = Text(no_wrap=True, end="").append(glyph, look.style(series.role))
        entry.append(" " + safe(series.label, ascii=look.ascii), look.style("muted"))
        if text:
            entry.append("  ")
        if width is not None and entry.cell_len + text.cell_len > width:
            break
        text = entry.append_text(text)
    return text


@dataclass(frozen=True)
class Reading:
    """A point of a curve under the crosshair."""

    series: Series
    x: float
    y: float
    """Smoothed as it is drawn; NaN in a gap."""


def readout(spec: PlotSpec, x: float) -> list[Reading]:
    """The last point up to x of each curve that has begun by then."""
    found: list[Reading] = []
    for series in spec.series:
        xs, ys = series.points
        index = int(np.searchsorted(xs, x, side="right")) - 1
        if index >= 0:
            found.append(Reading(series, float(xs[index]), float(smooth_at(ys, [index], series.smoothing)[0])))
    return found


def message(text: str, width: int, height: int, look: Look) -> list[Strip]:
    """A calm sentence in the middle of an empty pane, broken at spaces, and a path that is wider than it anywhere."""
    canvas = Canvas(width, height)
    lines: list[str] = []
    words = safe(text, ascii=look.ascii).split()
    for word in (piece for long in words for piece in wrap(long, width - 2)):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width - 2:
            lines[-1] += " " + word
        else:
            lines.append(word)
    top = max(0, (height - len(lines)) // 2)
    for row, line in enumerate(lines):
        canvas.text(top + row, max(0, (width - cell_len(line)) // 2), line, look.style("muted"))
    return canvas.strips()


def _plain(text: str, look: Look) -> str:
    return to_ascii(text) if look.ascii else text


def _draw_axes(canvas: Canvas, frame: Frame, look: Look, crosshair: float | None) -> None:
    axis, label = look.style("axis"), look.style("muted")
    left = frame.left - 1
    if left >= 0:
        canvas.repeat(0, left, _plain("│", look), axis, down=frame.rows)
    for tick in frame.y_ticks:
        row_of = frame.row(tick.at)
        if row_of is not None:
            canvas.text(row_of, left - cell_len(tick.label), tick.label, label)
            canvas.text(row_of, left, _plain("┤", look), axis)
            canvas.repeat(row_of, frame.left, _plain("┈", look), look.style("faint"), across=frame.columns)
    if frame.axis_line:
        canvas.repeat(frame.rows, frame.left, _plain("─", look), axis, across=frame.columns)
        canvas.text(frame.rows, left, _plain("└", look), axis)
    _draw_x_labels(canvas, frame, look, crosshair)


def _draw_x_labels(canvas: Canvas, frame: Frame, look: Look, crosshair: float | None) -> None:
    row = frame.rows + frame.axis_line
    title = frame.x_axis.title
    limit = canvas.width - (len(title) + 2 if title else 0)
    if limit < frame.left + 12:
        title, limit = "", canvas.width
    at = None if crosshair is None else frame.column(crosshair)
    named = f" {value_label(frame.x_axis, crosshair or 0)} " if at is not None else ""
    begin = min(max(frame.left + (at or 0) - len(named) // 2, 0), max(canvas.width - len(named), 0))
    canvas.text(row, begin, named, look.style("cursor"))
    if begin + len(named) <= canvas.width - len(title):  # a part of it would be no word
        canvas.text(row, canvas.width - len(title), title, look.style("axis"))
    free = 0
    for tick in frame.x_ticks:
        column = frame.column(tick.at)
        if column is None:
            continue
        start = frame.left + column - len(tick.label) // 2
        start = min(max(start, 0), canvas.width - len(tick.label))
        end = start + len(tick.label)
        # What the crosshair's label left of another one would be read as a number.
        if start < free or end > limit or (named and start < begin + len(named) and begin < end):
            continue
        canvas.text(row, start, tick.label, look.style("muted"))
        if frame.axis_line:
            canvas.text(frame.rows, frame.left + column, _plain("┬", look), look.style("axis"))
        free = end + 1


def _draw_rule(area: Canvas, frame: Frame, x: float, character: str, style: Style, look: Look) -> None:
    column = frame.column(x)
    if column is not None:
        area.repeat(0, column, _plain(character, look), style, down=frame.rows)


def _draw_band(area: Canvas, frame: Frame, series: Series, look: Look, *, fitted: bool) -> NDArray[np.bool_]:
    """Fill between the extremes of each dot column; returns the cells that are mostly filled."""
    x, y = series.points
    found = band(x, y, *frame.x_range, 2 * frame.columns)
    if len(found.x) <= frame.columns // 2 or len(x[visible(x, *frame.x_range)]) <= 2 * frame.columns:
        _draw_curves(area, frame, [series], None, look)
        return np.zeros((frame.rows, frame.columns), bool)
    columns = np.minimum(2 * frame.x_cells(found.x), 2 * frame.columns - 1)
    low, high = frame.y_cells(found.low), frame.y_cells(found.high)
    bits = pack(fill(columns, low, high, frame.columns, frame.rows))
    style = look.style(series.role)
    area.paint(bits > 0, style, ord(":") if look.ascii else BRAILLE + bits.astype(np.uint32))
    if fitted:  # a spike is left out of a fitted range, so say where there is more
        for column in np.unique(columns[high > frame.rows].astype(int) // 2).tolist():
            area.text(0, column, _plain("▲", look), look.style("warn"))
    return np.bitwise_count(bits) >= 6


def _curve(series: Series, frame: Frame) -> tuple[Floats, Floats]:
    """The points of a curve that are worth drawing, in cells."""
    x, y = series.points
    if series.smoothing:
        view = visible(x, *frame.x_range)
        wanted = min(view.stop - view.start, frame.columns + 2)
        index = np.linspace(view.start, view.stop - 1, wanted).astype(int)
        x, y = x[index], smooth_at(y, index, series.smoothing)
    x, y = min_max(x, y, *frame.x_range, frame.columns)
    return frame.x_cells(x), frame.y_cells(y)


def _draw_curves(
    area: Canvas, frame: Frame, curves: list[Series], covered: NDArray[np.bool_] | None, look: Look
) -> None:
    if not curves:
        return
    layers = trace([(*_curve(series, frame), series.stroke) for series in curves], frame.columns, frame.rows)
    for series, bits in zip(curves, layers, strict=True):
        drawn = bits > 0
        style = look.style(series.role)
        codes = ord(_GLYPHS[series.stroke][1]) if look.ascii else BRAILLE + bits.astype(np.uint32)
        area.paint(drawn, style, codes)
        if covered is not None and look.shaded and not look.ascii:
            # Without it the band would have holes around the curve, where the cell's one colour is the curve's.
            # In 256 colours it would be teal; the grey of pauses is as dark as the dots there.
            fill_role: Role = "train_fill" if look.depth is Depth.TRUECOLOR else "pause"
            area.paint(drawn & covered, style + look.style(fill_role))


def _draw_crosshair(area: Canvas, frame: Frame, spec: PlotSpec, x: float, look: Look) -> None:
    if frame.column(x) is None:
        return
    _draw_rule(area, frame, x, "│", look.style("crosshair"), look)
    for reading in readout(spec, x):
        if reading.series.stroke is not Stroke.BAND:
            _put(area, frame, reading.x, reading.y, _plain("○", look), look.style(reading.series.role))


def _draw_markers(area: Canvas, frame: Frame, series: Series, look: Look) -> None:
    x, y = series.points
    view = visible(x, *frame.x_range)
    if not series.marker or view.stop - view.start > frame.columns // 2:
        return
    for at, value in zip(x[view].tolist(), y[view].tolist(), strict=True):
        _put(area, frame, at, value, _plain(series.marker, look), look.style(series.role))


def _draw_note(area: Canvas, frame: Frame, note: Note, look: Look) -> None:
    style = look.style(note.role)
    spot = _put(area, frame, note.x, note.y, _plain(note.marker, look), style)
    text = safe(note.text, frame.columns // 2, ascii=look.ascii)
    if spot is None or not text:
        return
    row, column = spot
    if column + 2 + cell_len(text) <= frame.columns:
        area.text(row, column + 1, " " + text, style)
    else:
        area.text(row, column - 1 - cell_len(text), text + " ", style)


def _put(area: Canvas, frame: Frame, x: float, y: float, text: str, style: Style) -> tuple[int, int] | None:
    column = frame.column(x)
    row = frame.row(y) if np.isfinite(y) else None
    if column is None or row is None:
        return None
    area.text(row, column, text, style)
    return row, column


def _draw_shade(area: Canvas, frame: Frame, shade: Shade, look: Look) -> None:
    low, high = max(shade.low, frame.x_range[0]), min(shade.high, frame.x_range[1])
    first, last = frame.column(low), frame.column(high)
    if first is None or last is None or low > high:
        return
    mask = np.zeros((frame.rows, frame.columns), bool)
    mask[:, first : last + 1] = True
    if look.shaded:
        area.underlay(mask, look.style("pause"))
    else:
        blank = np.isin(area.codes, np.array([ord(" "), ord("┈"), ord(".")], np.uint32))
        area.paint(mask & blank, look.style("faint"), ord("/" if look.ascii else "░"))
