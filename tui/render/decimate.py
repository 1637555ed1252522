"""Long curves made as short as the screen is wide, and noisy ones smooth. x is always sorted.

What is drawn costs by the columns of the screen: at most two points a column. A million values are touched only by two
passes of `reduceat` over what is in view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """Per column that has a value: where it is, and the least and the greatest finite value in it."""

    x: Floats
    """Middle of the column."""
    low: Floats
    high: Floats


def visible(x: Floats, low: float, high: float) -> slice:
    """The values with low <= x <= high and a neighbour on either side, so that lines run to the edge of the view."""
    start, stop = np.searchsorted(x, (low, high), side="left").tolist()
    while stop < len(x) and x[stop] == high:
        stop += 1
    return slice(max(start - 1, 0), min(stop + 1, len(x)))


def min_max(x: ArrayLike, y: ArrayLike, low: float, high: float, columns: int) -> tuple[Floats, Floats]:
    """The curve within low..high in at most two points a column: its least and its greatest value.

    Few points are returned as they are, with a point interpolated at each edge of the view that a line crosses.
    Of many, NaN and infinite ones are passed over; of few, they are kept as NaN, where the line has its gaps.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    view = visible(x, low, high)
    x, y = x[view], y[view]
    if len(x) <= 2 * columns:
        return _clip(x, np.where(np.isfinite(y), y, np.nan), low, high)
    starts, ends, index = _columns(x, low, high, columns)
    least, greatest = _extremes(y, starts, ends)
    rising = y[ends - 1] >= y[starts]
    step = (high - low) / columns
    xs = np.repeat(low + index * step, 2)
    xs[0::2] += 0.25 * step
    xs[1::2] += 0.75 * step
    ys = np.empty(2 * len(starts))
    ys[0::2] = np.where(rising, least, greatest)
    ys[1::2] = np.where(rising, greatest, least)
    return xs, ys


def band(x: ArrayLike, y: ArrayLike, low: float, high: float, columns: int) -> Band:
    """Least and greatest value of each of `columns` columns of the view low..high."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    starts, ends, index = _columns(x, low, high, columns)
    least, greatest = _extremes(y, starts, ends)
    kept = np.isfinite(least)
    middle = low + (index + 0.5) * ((high - low) / columns)
    return Band(middle[kept], least[kept], greatest[kept])


def _columns(x: Floats, low: float, high: float, columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """First index, end and number of every column with a value in it; a value at `high` belongs to the last column."""
    edges = np.linspace(low, high, columns + 1)
    bounds = np.searchsorted(x, edges, side="left")
    bounds[-1] = np.searchsorted(x, high, side="right")
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    return bounds[:-1][filled], bounds[1:][filled], filled.astype(np.float64)


def _extremes(y: Floats, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> tuple[Floats, Floats]:
    y = y[: ends.max(initial=0)]  # the last column would go on to the end
    least, greatest = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    if np.isinf(least).any() or np.isinf(greatest).any():  # rare, so the extra pass is only then taken
        y = np.where(np.isfinite(y), y, np.nan)
        least, greatest = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    return least, greatest


def _clip(x: Floats, y: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Cut a polyline at both edges of the view."""
    xs, ys = x, y
    if len(x) > 1 and x[0] < low < x[1]:
        xs, ys = xs.copy(), ys.copy()
        xs[0], ys[0] = low, y[0] + (y[1] - y[0]) * (low - x[0]) / (x[1] - x[0])
    if len(x) > 1 and x[-2] < high < x[-1]:
        xs, ys = xs.copy(), ys.copy()
        xs[-1], ys[-1] = high, y[-2] + (y[-1] - y[-2]) * (high - x[-2]) / (x[-1] - x[-2])
    inside = (xs >= low) & (xs <= high)
    return xs[inside], ys[inside]


_NEGLIGIBLE = 1e-9  # what is left of a value's weight where the moving average may forget it


def smooth(y: ArrayLike, weight: float) -> Floats:
    """Exponential moving average, debiased as in Adam (Kingma and Ba, 2015): the mean over values weighted weight**age.

    `weight` is in 0 (no smoothing) to below 1. NaN and infinite values count for nothing; before the first finite one
    the average is NaN. A million values take 7 ms; use `smooth_at` where only some of them are drawn.
    """
    y = np.asarray(y, np.float64)
    if weight <= 0 or not len(y):
        return y.astype(np.float64)
    block = min(len(y), max(1, int(math.log(_NEGLIGIBLE) / math.log(weight))))
    finite = np.isfinite(y)
    if finite.all():
        result = _recur(y, weight, block)
        result *= 1 - weight
        ages = np.arange(1, min(len(y), 1 + int(-40 / math.log(weight))) + 1)  # exp(-40) is below half a rounding error
        result[: len(ages)] /= -np.expm1(ages * math.log(weight))
        return result
    norm = _recur(finite.astype(np.float64), weight, block)
    with np.errstate(invalid="ignore"):
        return np.where(norm > 0, _recur(np.where(finite, y, 0.0), weight, block) / norm, np.nan)


def _recur(y: Floats, weight: float, block: int) -> Floats:
    """s[i] = weight * s[i-1] + y[i], by blocks so long that only the block before still counts (see _NEGLIGIBLE).

    Works through chunks of 128 kB, which stay in the cache: 6 ms for a million values, 10 in one go.
    """
    powers = weight ** np.arange(block)
    padded = np.zeros(-(-len(y) // block) * block)
    padded[: len(y)] = y
    chunk = max(1, 16_384 // block) * block
    before = 0.0
    for start in range(0, len(padded), chunk):
        sums = padded[start : start + chunk].reshape(-1, block)
        sums /= powers
        np.cumsum(sums, axis=1, out=sums)
        sums *= powers
        ends = sums[:, -1:].copy()
        sums += np.concatenate(([[before]], ends[:-1])) * (weight * powers)
        before = float(ends[-1, 0])
    return padded[: len(y)]


def smooth_at(y: ArrayLike, indices: ArrayLike, weight: float) -> Floats:
    """What `smooth` gives at a few indices, from the values that still count there; 1e-4 of the weight is left out.

    Costs indices x window, so a curve of a million steps is smoothed for 200 columns in well under a millisecond.
    """
    y, at = np.asarray(y, np.float64), np.asarray(indices, np.intp)
    if weight <= 0 or not len(at):
        return y[at]
    window = min(len(y), 1 + int(math.log(1e-4) / math.log(weight)))
    if window * len(at) > 2 * len(y):
        return smooth(y[: int(at.max()) + 1], weight)[at]
    ages = np.arange(window)
    where = at[:, None] - ages
    values = y[where]  # those before the first, counted from the end, weigh nothing
    weights = np.where((where >= 0) & np.isfinite(values), weight**ages, 0.0)
    norm = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(norm > 0, (np.where(weights > 0, values, 0.0) * weights).sum(axis=1) / norm, np.nan)
