"""What a plot shows, and where on its cells each value lies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tui.render.axes import Axis, Tick, Unit, ticks
from tui.render.curves import Stroke
from tui.render.decimate import Floats, band, smooth_at, visible
from tui.render.palettes import Role

Range = tuple[float, float]
_BAND_COLUMNS = 100
_HUGE = 1e250  # beyond it differences, and a log range with its air, leave the floating-point numbers


@dataclass(frozen=True, eq=False)
class Series:
    """A curve. Any number of points will do: no more than two a column are drawn."""

    label: str
    x: ArrayLike
    """Sorted, finite, in data units."""
    y: ArrayLike
    """As long as x. NaN and infinite values are gaps."""
    role: Role = "train"
    stroke: Stroke = Stroke.LINE
    marker: str = ""
    """One character at each point, left out where points come closer than two columns: the line shows them anyway."""
    smoothing: float = 0.0
    """Weight of the past in the moving average, 0..1; see `decimate.smooth`."""

    @cached_property
    def points(self) -> tuple[Floats, Floats]:
        """x and y as equally long arrays."""
        x, y = np.asarray(self.x, np.float64), np.asarray(self.y, np.float64)
        length = min(len(x), len(y))
        return x[:length], y[:length]


@dataclass(frozen=True)
class Mark:
    """Something that happened at x: a checkpoint, a command, an evaluation. A vertical line with a letter on top."""

    x: float
    letter: str
    role: Role = "mark"


@dataclass(frozen=True)
class Shade:
    """A stretch of x behind the curves, such as a pause."""

    low: float
    high: float


@dataclass(frozen=True)
class Note:
    """A point with a word on it: the best epoch, the learning rate of now."""

    x: float
    y: float
    marker: str = "◆"
    text: str = ""
    role: Role = "best"


@dataclass(frozen=True)
class PlotSpec:
    """Everything a plot shows. Ranges are in data units; None fits them to what is there."""

    series: tuple[Series, ...] = ()
    x: Axis = field(default_factory=lambda: Axis(Unit.COUNT))
    y: Axis = field(default_factory=Axis)
    x_range: Range | None = None
    y_range: Range | None = None
    y_include: tuple[float, ...] = ()
    """Values that a fitted y-range takes in."""
    marks: tuple[Mark, ...] = ()
    shades: tuple[Shade, ...] = ()
    notes: tuple[Note, ...] = ()
    crosshair: float | None = None
    """x of a vertical line with the values on it."""
    empty: str = "No data yet"
    """Shown instead of a plot with nothing in it."""


@dataclass(frozen=True)
class Frame:
    """A plot laid out: `columns` x `rows` cells for the curves, right of `left` columns for labels."""

    x_axis: Axis
    y_axis: Axis
    x_range: Range
    y_range: Range
    left: int
    """Columns before the curves: labels and the axis line."""
    columns: int
    rows: int
    axis_line: bool
    """Whether there is a row for the line between curves and x labels."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    def x_cells(self, x: ArrayLike) -> Floats:
        """Cells from the left edge of the curves. The ends of the range lie on the first and last column of dots."""
        low, high = self.x_range
        return 0.25 + (np.asarray(x, np.float64) - low) / (high - low) * (self.columns - 0.5)

    def y_cells(self, y: ArrayLike) -> Floats:
        """Cells from the lower edge of the curves; NaN for what a log axis cannot show."""
        low, high = _scaled(self.y_axis, self.y_range)
        values = np.asarray(y, np.float64)
        if self.y_axis.log:
            values = np.log10(np.where(values > 0, values, np.nan))
        return 0.125 + (values - low) / (high - low) * (self.rows - 0.25)

    def column(self, x: float) -> int | None:
        """The column of the curves that shows x, None out of view."""
        low, high = self.x_range
        return min(int(self.x_cells(x)), self.columns - 1) if low <= x <= high else None

    def row(self, y: float) -> int | None:
        """The row from the top that shows y, None out of view."""
        cells = float(self.y_cells(y))
        return self.rows - 1 - min(int(cells), self.rows - 1) if 0 <= cells <= self.rows else None

    def x_at(self, column: float) -> float:
        """The x in the middle of a column of the curves; the inverse of `column` for a mouse or a crosshair."""
        low, high = self.x_range
        return low + (high - low) * min(max((column + 0.25) / max(self.columns - 0.5, 0.5), 0.0), 1.0)


def layout(spec: PlotSpec, width: int, height: int) -> Frame | None:
    """Fit a plot into width x height cells; None where there is nothing to show or no room (below about 6x3)."""
    x_range = spec.x_range or _fit_x(spec)
    if x_range is None or width < 6 or height < 3:
        return None
    y_range = spec.y_range or _fit_y(spec, x_range)
    if y_range is None or not x_range[0] < x_range[1] or not y_range[0] < y_range[1]:
        return None
    if spec.y.log and y_range[0] <= 0:
        return None
    axis_line = height >= 8
    rows = height - 1 - axis_line
    y_ticks = tuple(ticks(spec.y, *y_range, most=max(3, (rows + 1) // 2)))
    left = max((len(tick.label) for tick in y_ticks), default=0) + 1
    if width - left < 8:
        left, y_ticks = 0, ()
    columns = width - left
    return Frame(
        spec.x, spec.y, x_range, y_range, left, columns, rows, axis_line, _x_ticks(spec.x, x_range, columns), y_ticks
    )


def _x_ticks(axis: Axis, x_range: Range, columns: int) -> tuple[Tick, ...]:
    """As many ticks as stay three columns apart."""
    for most in range(max(2, columns // 8), 0, -1):
        found = ticks(axis, *x_range, most=most)
        widest = max((len(tick.label) for tick in found), default=0)
        if len(found) < 2 or columns * (found[1].at - found[0].at) / (x_range[1] - x_range[0]) >= widest + 3:
            return tuple(found)
    return ()


def _scaled(axis: Axis, values: Range) -> Range:
    return (float(np.log10(values[0])), float(np.log10(values[1]))) if axis.log else values


def _fit_x(spec: PlotSpec) -> Range | None:
    ends = [float(x[index]) for x, _ in (series.points for series in spec.series) if len(x) for index in (0, -1)]
    ends += [note.x for note in spec.notes]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    if low < high:
        return low, high
    return low - spec.x.per, high + spec.x.per


def _fit_y(spec: PlotSpec, x_range: Range) -> Range | None:
    """The range of what is in view, with 4 % of air, but no air beyond zero or 100 %."""
    extremes: list[float] = [*spec.y_include]
    for series in spec.series:
        x, y = series.points
        view = visible(x, *x_range)
        if series.stroke is Stroke.BAND and not spec.y.log and view.stop - view.start > 4 * _BAND_COLUMNS:
            extremes += _usual_extremes(x, y, x_range)
            continue
        if series.smoothing and view.stop - view.start > 200:
            y = smooth_at(y, np.linspace(view.start, view.stop - 1, 100).astype(int), series.smoothing)
        else:
            y = y[view]
        extremes += _finite_extremes(y, positive=spec.y.log)
    extremes += [note.y for note in spec.notes if np.isfinite(note.y) and (note.y > 0 or not spec.y.log)]
    if (not any(len(series.points[0]) for series in spec.series) and not spec.notes) or not extremes:
        return None
    low, high = max(min(extremes), -_HUGE), min(max(extremes), _HUGE)
    if spec.y.log:
        low = max(low, 1 / _HUGE)
        ratio = 10 ** (0.04 * math.log10(high) - 0.04 * math.log10(low)) if high > low else 2.0
        return low / ratio, high * ratio
    air = 0.04 * (high - low) if high > low else 0.1 * abs(high) or 1.0
    least = 0.0 if 0 <= low < air * 1.01 or low == 0 else low - air
    greatest = 1.0 if spec.y.unit is Unit.PERCENT and 1 - air < high <= 1 else high + air
    return least, greatest


def _usual_extremes(x: Floats, y: Floats, x_range: Range) -> list[float]:
    """The range of a band without its rarest columns, so that a single spike does not flatten all the rest."""
    found = band(x, y, *x_range, _BAND_COLUMNS)
    if not len(found.x):
        return []
    cut = [float(np.percentile(found.low, 2)), float(np.percentile(found.high, 98))]
    full = [float(found.low.min()), float(found.high.max())]
    return cut if full[1] - full[0] > 2 * (cut[1] - cut[0]) > 0 else full


def _finite_extremes(y: Floats, positive: bool) -> list[float]:
    if positive:
        y = y[y > 0]
    if not len(y):
        return []
    low, high = float(np.fmin.reduce(y)), float(np.fmax.reduce(y))
    if not (np.isfinite(low) and np.isfinite(high)):  # rare: only then is the copy worth it
        y = y[np.isfinite(y)]
        return [float(y.min()), float(y.max())] if len(y) else []
    return [low, high]
