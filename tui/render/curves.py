"""Curves as braille dots, drawn by plotext.

plotext draws on one figure a process, and a cell has one colour. All curves of a plot are therefore drawn at once,
side by side on a canvas as many times as wide, without colours, and `tui.render.plot` lays them over each other.
Milliseconds of CPU for 3 curves of 108 points on 54x14 cells: side by side 1.6, one build a curve 2.4, in colours
through `figure.draw` 3.9. That one also looks for free colours at each point, so the signal is added to the figure's
list directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui.render.decimate import Floats

Bits = NDArray[np.uint8]
"""Braille patterns of cells, see _BITS."""
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


@cache
def _parts() -> tuple[Any, Any]:
    """plotext's class of signals, and the marker that all points share."""
    from plotext._primitives.marker import marker
    from plotext._signal.signal import signal_class

    return signal_class, marker("braille")


def trace(curves: Sequence[tuple[Floats, Floats, Stroke]], width: int, height: int) -> list[Bits]:
    """The braille bits of polylines on width x height cells, each on its own.

    x runs right from 0 to `width` and y up from 0 to `height`, in cells; y may leave that range, and its NaN are gaps.
    """
    xs, ys, joins = [], [], []
    for index, (x, y, stroke) in enumerate(curves):
        x, y, joined = _dashes(x, y, stroke, width) if stroke in (Stroke.DASHED, Stroke.DOTTED) else _gaps(x, y)
        xs.append(x + index * width)
        ys.append(y)
        joins.append(joined)
    x, joined = np.concatenate(xs), np.concatenate(joins)
    # A line is walked dot by dot, so the far end of a spike out of view must not be a billion dots away.
    y = np.clip(np.concatenate(ys), -8 * height, 9 * height)
    bits = _draw(x, y, joined, len(curves) * width, height)
    layers = [bits[:, index * width : (index + 1) * width] for index in range(len(curves))]
    return [_thick(layer) if curve[2] is Stroke.HEAVY else layer for layer, curve in zip(layers, curves, strict=True)]


def _draw(x: Floats, y: Floats, joined: NDArray[np.bool_], width: int, height: int) -> Bits:
    with _lock:
        figure = _figure()
        figure.clear.data()
        figure.plot_size(width, height)
        figure.ruler("x").lim(0, width)
        figure.ruler("y").lim(0, height)
        # figure.signal() copies the marker for each point, and lines() asks for the length at each: 1.9 ms, so 1.4.
        signal_class, marker = _parts()
        signal = signal_class(len(x))
        signal._append_points(x.tolist(), y.tolist(), [marker] * len(x))
        for index in np.flatnonzero(joined).tolist():
            signal._set_connected(index)
        figure._signals._add(signal)
        text: str = figure.build().string(True)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    codes = codes[: height * (width + 1)].reshape(height, width + 1)[:, :width]
    return np.where(codes >= BRAILLE, codes - BRAILLE, 0).astype(np.uint8)


def _gaps(x: Floats, y: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The finite points, and whether each is joined to the one before."""
    finite = np.isfinite(y)
    joined = finite.copy()
    joined[1:] &= finite[:-1]
    joined[:1] = False
    return x[finite], y[finite], joined[finite]


def _dashes(x: Floats, y: Floats, stroke: Stroke, width: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Points of the curve at each dot column, on and off by the way along it: steep parts are dashed as flat ones."""
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if not len(x):
        return x, y, finite[:0]
    first, last = max(0, int(2 * x[0])), min(2 * width - 1, int(2 * x[-1]))
    at = np.clip(np.arange(first, last + 1) / 2 + 0.25, x[0], x[-1])
    values = np.interp(at, x, y)
    way = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(at) * 2, np.diff(values) * 4))))
    if stroke is Stroke.DOTTED:
        spot = np.floor(way / _DOT_SPACING)
        kept = np.concatenate(([True], spot[1:] != spot[:-1]))
        return at[kept], values[kept], np.zeros(int(kept.sum()), bool)
    kept = way % (_DASH_DOTS + _GAP_DOTS) < _DASH_DOTS
    return at[kept], values[kept], np.concatenate(([False], kept[:-1]))[kept]


def _thick(bits: Bits) -> Bits:
    """Every dot with one below it."""
    dots = ((bits[:, None, :, None] & _BITS[None, :, None, :]) > 0).reshape(4 * bits.shape[0], 2 * bits.shape[1])
    dots[1:] |= dots[:-1].copy()
    return pack(dots)


def pack(dots: Dots) -> Bits:
    """Dots as braille patterns of cells."""
    bits = np.zeros((dots.shape[0] // 4, dots.shape[1] // 2), np.uint8)
    for row in range(4):
        for column in range(2):
            bits |= dots[row::4, column::2] * _BITS[row, column]
    return bits


def fill(columns: Floats, low: Floats, high: Floats, width: int, height: int) -> Dots:
    """An area: in each of the dot columns the dots between low and high, both in cells from below.

    A NaN in `low`, which a log axis makes of zero, reaches down to the bottom; one in `high` leaves its column empty.
    """
    dots = np.zeros((4 * height, 2 * width), bool)
    rows = np.arange(4 * height, dtype=np.int32)[:, None]
    low, high = np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=-1.0)
    top = np.floor(4 * (height - np.clip(high, 0, height))).astype(np.int32)
    bottom = np.floor(4 * (height - np.clip(low, 0, height))).astype(np.int32)
    inside = (high >= 0) & (low <= height)
    dots[:, columns.astype(np.intp)] = (rows >= top) & (rows <= np.maximum(bottom, top)) & inside
    return dots
