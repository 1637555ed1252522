"""Curves as braille dots, drawn by plotext.

plotext draws on one figure a process and colours by cell. Each curve is therefore drawn alone, its dots are taken as text
without colours, and `tui.render.plot` lays the layers over each other. Measured for 3 curves of 108 points on 54x14 cells:
2.1 ms; one coloured figure, its escape sequences still to be taken apart: 1.6 ms; through `figure.draw`, which looks for
free colours at each point: 3.5 ms, so curves are added to the figure's signals directly.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui.render.decimate import Floats

Dots = NDArray[np.bool_]
"""Braille dots, 4 rows and 2 columns a cell; the first row is the uppermost."""

# Bits of a braille character by dot row and column (Unicode 6.0, chapter 15.11).
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
BRAILLE = 0x2800
_DASH_DOTS, _GAP_DOTS = 5, 3  # four cells a dash with its gap: shorter ones read as dots at two dots a column
_DOT_SPACING = 3
_lock = Lock()  # the figure belongs to the process, and an export may draw in another thread


class Stroke(Enum):
    """How a curve is drawn. They differ without any colour."""

    LINE = "line"
    HEAVY = "heavy"
    """Twice as thick."""
    DASHED = "dashed"
    DOTTED = "dotted"
    BAND = "band"
    """The area between the least and the greatest value of each column."""
    POINTS = "points"
    """Markers only."""


@cache
def _figure() -> Any:
    """plotext's figure, stripped to its canvas. Imported late: the import takes 0.13 s and an empty plot needs none."""
    import plotext

    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.axes(False)
    figure.canvas("default")
    figure.legend(False)
    for axis in ("x", "y"):
        for side in (0, 1):
            figure.ruler(axis, side).frequency(0)
        figure.ruler(axis).alignment(lim="edge")
    return figure


def trace(x: Floats, y: Floats, stroke: Stroke, width: int, height: int) -> Dots:
    """The dots of a polyline on width x height cells. x runs right and y up, in cells; NaN in y makes a gap."""
    if stroke in (Stroke.DASHED, Stroke.DOTTED):
        x, y, joined = _dashes(x, y, stroke, width)
    else:
        finite = np.isfinite(y)
        before = np.concatenate(([False], finite[:-1]))[finite]
        x, y, joined = x[finite], y[finite], before
    if not len(x):
        return np.zeros((4 * height, 2 * width), bool)
    # A line is walked in dots by plotext, so the far end of a spike out of view must not be a billion dots away.
    dots = _draw(x, np.clip(y, -8 * height, 9 * height), joined, width, height)
    if stroke is Stroke.HEAVY:
        dots[1:] |= dots[:-1].copy()
    return dots


def _draw(x: Floats, y: Floats, joined: NDArray[np.bool_], width: int, height: int) -> Dots:
    with _lock:
        figure = _figure()
        figure.clear.data()
        figure.plot_size(width, height)
        figure.ruler("x").lim(0, width)
        figure.ruler("y").lim(0, height)
        signal = figure.signal(x.tolist(), y.tolist(), marker="braille")
        signal.lines(True)
        for index in np.flatnonzero(~joined).tolist():
            signal.line(index, False)
        figure._signals._add(signal)
        text = figure.build().string(True)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    codes = codes[: height * (width + 1)].reshape(height, width + 1)[:, :width]
    bits = np.where(codes >= BRAILLE, codes - BRAILLE, 0).astype(np.uint8)
    return unpack(bits)


def _dashes(x: Floats, y: Floats, stroke: Stroke, width: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Points of the curve at each dot column, on and off by the way along it, so steep parts are dashed as flat ones."""
    finite = np.isfinite(y)
    if not finite.any():
        return x[:0], y[:0], finite[:0]
    first, last = x[finite][0], x[finite][-1]
    at = np.unique(np.clip(np.arange(2 * width) / 2 + 0.25, first, last))
    values = np.interp(at, x[finite], y[finite])
    way = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(at) * 2, np.diff(values) * 4))))
    if stroke is Stroke.DOTTED:
        spot = np.floor(way / _DOT_SPACING)
        kept = np.concatenate(([True], spot[1:] != spot[:-1]))
        return at[kept], values[kept], np.zeros(int(kept.sum()), bool)
    kept = way % (_DASH_DOTS + _GAP_DOTS) < _DASH_DOTS
    return at[kept], values[kept], np.concatenate(([False], kept[:-1]))[kept]


def unpack(bits: NDArray[np.uint8]) -> Dots:
    """Braille patterns of cells as single dots."""
    height, width = bits.shape
    dots = (bits[:, None, :, None] & _BITS[None, :, None, :]) > 0
    return dots.reshape(4 * height, 2 * width)


def pack(dots: Dots) -> NDArray[np.uint8]:
    """Dots as braille patterns of cells."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(height, 4, width, 2) * _BITS[None, :, None, :]
    bits: NDArray[np.uint8] = cells.sum(axis=(1, 3)).astype(np.uint8)
    return bits


def fill(left: Floats, low: Floats, high: Floats, width: int, height: int) -> Dots:
    """An area: for each dot column numbered in `left` the dots between low and high, both in cells from below."""
    dots = np.zeros((4 * height, 2 * width), bool)
    rows = np.arange(4 * height)[:, None]
    top = np.floor(4 * height - np.clip(high, 0, height) * 4)
    bottom = np.floor(4 * height - np.clip(low, 0, height) * 4)
    columns = left.astype(int)
    inside = (high >= 0) & (low <= height)
    dots[:, columns] = (rows >= top) & (rows <= np.maximum(bottom, top)) & inside
    return dots
