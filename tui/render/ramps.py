"""Colour ramps: backgrounds that say how much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rich.color import Color
from rich.style import Style

LEVELS = 64
"""Steps of a ramp: finer than the eye tells apart in a cell, and few enough to keep every style."""


@dataclass(frozen=True)
class Ramp:
    """Colours from the least to the most; the first is close to the background of a pane."""

    stops: tuple[str, ...]
    """Evenly spaced, as #rrggbb; in between, sRGB is interpolated."""
    indexed: tuple[int, ...]
    """What stands for the ramp in 256 colours. The nearest ones to `stops` would be olive, teal and maroon."""


@cache
def colors(ramp: Ramp, *, indexed: bool) -> tuple[str, ...]:
    """The ramp in LEVELS + 1 steps, as names that rich understands."""
    if indexed:
        last = len(ramp.indexed) - 1
        return tuple(f"color({ramp.indexed[round(step / LEVELS * last)]})" for step in range(LEVELS + 1))
    return tuple(_between(ramp.stops, step / LEVELS) for step in range(LEVELS + 1))


def _between(stops: tuple[str, ...], level: float) -> str:
    position = level * (len(stops) - 1)
    index = min(int(position), len(stops) - 2)
    share = position - index
    low, high = (Color.parse(stops[index + offset]).get_truecolor() for offset in (0, 1))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


@cache
def on(color: str, *, bold: bool) -> Style:
    """A background with text that can be read on it, black or white."""
    # Relative luminance as in WCAG 2.1; at 0.179 black and white have the same contrast to it, 4.6.
    parts = [part / 255 for part in Color.parse(color).get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    is_bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179
    return Style(color="#000000" if is_bright else "#ffffff", bgcolor=color, bold=bold or None)


@cache
def half_block(upper: str, lower: str) -> Style:
    """The style of an upper half block in two colours; an empty `lower` is transparent."""
    return Style(color=upper, bgcolor=lower or None)


ORANGE = (
    Ramp(("#1c1d22", "#4a3416", "#96600c", "#e69f00", "#fbe87a"), (234, 236, 94, 130, 172, 214, 222)),
    Ramp(("#f6f4ef", "#fbdfa6", "#f0ad3c", "#c86a00", "#7a3300"), (255, 230, 223, 215, 208, 166, 94)),
)
"""On a dark and on a light background, as all below."""
SKY = (
    Ramp(("#1c1d22", "#17374f", "#1b5f8f", "#3a95cf", "#9ad8ff"), (234, 236, 24, 31, 38, 74, 117)),
    Ramp(("#f3f5f6", "#bcdcf0", "#67b2e0", "#1f7fbd", "#00436e"), (255, 195, 153, 117, 74, 31, 24)),
)
RED = (
    Ramp(("#1c1d22", "#4c1a1c", "#93282a", "#e0484a", "#ffb0a0"), (234, 52, 88, 124, 167, 210, 217)),
    Ramp(("#f7f1f0", "#f7c9c3", "#ec8a82", "#cf3b3b", "#7d1014"), (255, 224, 217, 210, 167, 124, 88)),
)
GREEN = (
    Ramp(("#1c1d22", "#173f22", "#1f6d33", "#3fae55", "#a2efae"), (234, 22, 28, 34, 71, 114, 157)),
    Ramp(("#f0f5f1", "#c0e4c5", "#79c385", "#2f8f43", "#0c4a1a"), (255, 194, 157, 114, 71, 28, 22)),
)
BRIGHT_ORANGE = (
    Ramp(("#000000", "#5f3700", "#b36b00", "#ffaf00", "#ffffaf"), (16, 236, 94, 130, 172, 214, 229)),
    ORANGE[1],
)
BRIGHT_SKY = (
    Ramp(("#000000", "#004a5f", "#0087af", "#00d7ff", "#d7ffff"), (16, 236, 24, 31, 38, 45, 195)),
    SKY[1],
)
