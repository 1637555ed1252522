"""Line charts as inline SVG. Colours, strokes and fonts are the style sheet's, by class names, so that a chart follows
its page between light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A curve; its values may have gaps (NaN)."""

    name: str
    kind: str
    """Class in the style sheet."""
    x: Floats
    y: Floats
    dots: bool = False
    """Mark each value; a mark tells its value under the mouse."""
    labelled: bool = True
    """Write name and last value beside its end."""


@dataclass(frozen=True)
class Band:
    """The area between two curves."""

    kind: str
    x: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Frame:
    """Size and axes of a chart."""

    width: int
    height: int
    title: str
    """For who cannot see it."""
    x_title: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    y_text: Callable[[float], str]
    """Writes a value."""
    tick_text: Callable[[float], str]
    """Writes a round one."""
    log: bool = False
    left: int = 52
    right: int = 124
    top: int = 30
    bottom: int = 40

    def at_x(self, x: Floats) -> Floats:
        """Pixels from the left."""
        low, high = self.x_range
        return self.left + (x - low) / (high - low) * (self.width - self.left - self.right)

    def at_y(self, y: Floats) -> Floats:
        """Pixels from the top; what lies beyond the axis is put a little outside of it."""
        low, high = self.y_range
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                y, low, high = np.log10(y), math.log10(low), math.log10(high)
        share = np.clip((y - low) / (high - low), -0.05, 1.05)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def chart(frame: Frame, lines: Sequence[Line], bands: Sequence[Band] = (), mark: Line | None = None) -> Markup:
    """The chart as an <svg> element.

    Args:
        frame: size and axes.
        lines: the last ones lie on top.
        bands: lie below the lines.
        mark: a single point to be circled, its name written above it.
    """
    clip = f"clip-{escape(frame.title.lower().replace(' ', '-'))}-{frame.width}"
    inner = (frame.width - frame.left - frame.right, frame.height - frame.top - frame.bottom)
    parts = [
        f'<svg class="chart" viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{escape(frame.title)}">',
        f'<clipPath id="{clip}"><rect x="{frame.left}" y="{frame.top - 3}" width="{inner[0]}" '
        f'height="{inner[1] + 6}"/></clipPath>',
        *_axes(frame),
        f'<g clip-path="url(#{clip})">',
        *(_band(frame, band) for band in bands),
        *(_line(frame, line) for line in lines),
        "</g>",
        *(_dots(frame, line) for line in lines if line.dots),
        *_labels(frame, [line for line in lines if line.labelled]),
    ]
    if mark is not None and len(mark.x):
        x, y = float(frame.at_x(mark.x)[0]), float(frame.at_y(mark.y)[0])
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="6.5"/>')
        anchor = "end" if x > frame.width - frame.right - 70 else "middle"
        above = y - 13 if y - 13 > 8 else y + 22
        parts.append(
            f'<text class="marked" x="{x:.1f}" y="{above:.1f}" text-anchor="{anchor}">{escape(mark.name)}</text>'
        )
    parts.append("</svg>")
    return Markup("".join(parts))


def _axes(frame: Frame) -> list[str]:
    parts = []
    end = frame.width - frame.right
    for value in (log_ticks if frame.log else ticks)(*frame.y_range):
        y = float(frame.at_y(np.array([value]))[0])
        parts.append(f'<line class="grid" x1="{frame.left}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{frame.left - 9}" y="{y + 4:.1f}" text-anchor="end">'
            f"{escape(frame.tick_text(value))}</text>"
        )
    base = frame.height - frame.bottom
    for value in ticks(*frame.x_range, about=8, whole=frame.x_range[1] > 3):
        x = float(frame.at_x(np.array([value]))[0])
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 18}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<line class="axis" x1="{frame.left}" x2="{end}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text class="axis-title" x="{end}" y="{base + 34}" text-anchor="end">{escape(frame.x_title)}</text>')
    return parts


def _line(frame: Frame, line: Line) -> str:
    return f'<path class="line {line.kind}" d="{path(frame.at_x(line.x), frame.at_y(line.y))}"/>'


def _dots(frame: Frame, line: Line) -> str:
    xs, ys = frame.at_x(line.x), frame.at_y(line.y)
    low, high = frame.y_range
    return "".join(
        f'<circle class="dot {line.kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
        f"<title>{escape(line.name)}: {escape(frame.y_text(value))} at {at:g}</title></circle>"
        for x, y, at, value in zip(xs, ys, line.x, line.y, strict=True)
        if low <= value <= high
    )


def _band(frame: Frame, band: Band) -> str:
    if len(band.x) < 2:
        return ""
    x = np.concatenate([band.x, band.x[::-1]])
    y = np.concatenate([band.high, band.low[::-1]])
    return f'<path class="band {band.kind}" d="{path(frame.at_x(x), frame.at_y(y))}Z"/>'


def _labels(frame: Frame, lines: list[Line]) -> list[str]:
    """Names and last values in the right margin, pushed apart where they would touch."""
    ends = []
    for line in lines:
        known = np.flatnonzero(np.isfinite(line.y))
        if len(known):
            last = line.y[known[-1]]
            ends.append((float(frame.at_y(np.array([last]))[0]), line, frame.y_text(float(last))))
    ends.sort(key=lambda end: end[0])
    gap, floor = 17.0, frame.height - frame.bottom
    ys: list[float] = []
    for y, _, _ in ends:
        ys.append(max(y, ys[-1] + gap) if ys else max(y, frame.top))
    for index in range(len(ys) - 1, -1, -1):  # back up from the floor where there are too many below
        ceiling = ys[index + 1] - gap if index + 1 < len(ys) else floor
        ys[index] = min(ys[index], ceiling)
    x = frame.width - frame.right + 10
    return [
        f'<text class="label {line.kind}" x="{x}" y="{y + 4:.1f}"><tspan class="value">{escape(text)}</tspan> '
        f"{escape(line.name)}</text>"
        for y, (_, line, text) in zip(ys, ends, strict=True)
    ]


def path(xs: Floats, ys: Floats) -> str:
    """The `d` of an SVG path; a value that is not finite makes a gap."""
    parts, pen = [], "M"
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if math.isfinite(x) and math.isfinite(y):
            parts.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def ticks(low: float, high: float, about: int = 5, *, whole: bool = False) -> list[float]:
    """Round numbers within low..high, about so many: multiples of 1, 2 or 5 times a power of ten."""
    if not low < high:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda step: abs(math.log(step / rough)))
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within low..high, or powers alone where that would be many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) <= 4 else (1,)
    values = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


def widened(low: float, high: float, *, floor: float = -math.inf, ceiling: float = math.inf) -> tuple[float, float]:
    """The range low..high, widened to the next tick but not beyond floor and ceiling; never empty."""
    if high - low < 1e-12:
        low, high = low - max(abs(low) * 0.1, 1e-6), high + max(abs(high) * 0.1, 1e-6)
    marks = ticks(low, high)
    step = marks[1] - marks[0] if len(marks) > 1 else (high - low) / 4
    return max(floor, math.floor(low / step + 1e-9) * step), min(ceiling, math.ceil(high / step - 1e-9) * step)


def columns(x: Floats, y: Floats, count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """A long curve in `count` columns of as many values: middle of x, least, mean and greatest finite y."""
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if not len(x):
        return x, y, y, y
    starts = np.unique(np.linspace(0, len(x), min(count, len(x)), endpoint=False).astype(np.intp))
    sizes = np.diff(np.append(starts, len(x)))
    return (
        np.add.reduceat(x, starts) / sizes,
        np.minimum.reduceat(y, starts),
        np.add.reduceat(y, starts) / sizes,
        np.maximum.reduceat(y, starts),
    )
