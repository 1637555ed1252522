"""Colours by the role they play, and how a drawing may look on the terminal at hand.

Colours are given in 24 bit; rich turns them into 256 or 16 where the terminal has no more. Meaning never hangs on them:
every role also differs by stroke, character or weight, so the `mono` palette loses nothing but beauty.
The default follows Okabe and Ito, "Color Universal Design" (2008): blue against orange stays apart for all common
kinds of colour blindness, so what is right is blue and what is wrong is orange.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

# fmt: off
Role = Literal[
    "text", "muted", "faint", "axis", "train", "train_band", "train_fill", "validation", "top5", "ghost", "planned",
    "done", "now", "best", "good", "bad", "warn", "mark", "crosshair", "cursor", "pause",
    "series_a", "series_b", "series_c", "series_d",
]
# fmt: on
"""What a colour says. `pause`, `cursor` and `train_fill` colour the background, all others the character."""

Ramp = tuple[str, ...]
"""Colour stops from the least to the most, evenly spaced, as #rrggbb."""


class Depth(IntEnum):
    """How many colours the terminal has."""

    MONO = 0
    STANDARD = 4
    """16 colours: no shade of a ramp can be told from the next, so ramps become characters."""
    EIGHT_BIT = 8
    TRUECOLOR = 24


def depth_of(color_system: str | None) -> Depth:
    """The depth of what rich's `Console.color_system` says: truecolor, 256, standard, windows or None."""
    return {"truecolor": Depth.TRUECOLOR, "256": Depth.EIGHT_BIT, None: Depth.MONO}.get(color_system, Depth.STANDARD)


@dataclass(frozen=True)
class Palette:
    """Styles by role for one theme, dark or light."""

    name: str
    dark: bool
    text: Style
    muted: Style
    faint: Style
    """Grid lines and other things to be felt rather than seen."""
    axis: Style
    train: Style
    train_band: Style
    """The min–max band of single batches under the smoothed curve."""
    train_fill: Style
    """The background of a curve within that band: about as dark as its dots, which cover a third of a cell."""
    validation: Style
    top5: Style
    ghost: Style
    """A published or earlier curve to race against."""
    planned: Style
    done: Style
    now: Style
    best: Style
    good: Style
    bad: Style
    warn: Style
    mark: Style
    crosshair: Style
    cursor: Style
    pause: Style
    series_a: Style
    """The first of four for curves without a role of their own: compared runs, system loads."""
    series_b: Style
    series_c: Style
    series_d: Style
    heat: Ramp
    """Shares of wrong answers; the first stop is close to the pane's background."""
    diagonal: Ramp
    """Shares of right answers."""
    less: Ramp
    """Differences below zero, from none to most."""
    more: Ramp

    def style(self, role: Role) -> Style:
        """The style of a role."""
        style: Style = getattr(self, role)
        return style


@dataclass(frozen=True)
class Look:
    """All that decides how a drawing looks, apart from its data and size."""

    palette: Palette
    depth: Depth = Depth.TRUECOLOR
    ascii: bool = False
    """Nothing but ASCII characters."""

    @property
    def shaded(self) -> bool:
        """Whether backgrounds can carry a ramp; otherwise characters do."""
        return self.depth >= Depth.EIGHT_BIT and self.palette.name != MONO

    def style(self, role: Role) -> Style:
        """The style of a role."""
        return self.palette.style(role)


NO_STYLE = Style()
MONO = "mono"
LEVELS = 64
"""Steps of a ramp: finer than 256 colours can show, and few enough to keep every style."""

# Each role in its colours, dark and light, checked by what rich makes of them in 256 and in 16 colours.
# fmt: off
_COLORS: dict[str, tuple[str, str, str, str, str, str]] = {
    # role        okabe-ito             classic               high-contrast
    "text":       ("#d8dee6", "#1d232b", "#d8dee6", "#1d232b", "#ffffff", "#000000"),
    "muted":      ("#8a94a3", "#5d6673", "#8a94a3", "#5d6673", "#c6c6c6", "#3a3a3a"),
    "faint":      ("#3a3a3a", "#d3d8df", "#3a3a3a", "#d3d8df", "#626262", "#b2b2b2"),
    "axis":       ("#5c6675", "#98a1ad", "#5c6675", "#98a1ad", "#9e9e9e", "#585858"),
    "train":      ("#56b4e9", "#1060c0", "#5f9cff", "#1f5fd0", "#00d7ff", "#004a8f"),
    "train_band": ("#2f6288", "#92bfe8", "#34558f", "#9fbcec", "#00708a", "#87afd7"),
    "train_fill": ("#18303f", "#dcebf8", "#1a2a47", "#e0e9f9", "#00303a", "#d7e4f2"),
    "validation": ("#ffa51f", "#b85000", "#5fd75f", "#1c7c2c", "#ffaf00", "#9e3000"),
    "top5":       ("#e07fd0", "#a0308f", "#d787ff", "#8a2fb8", "#ff87ff", "#87005f"),
    "ghost":      ("#7d8694", "#7a838f", "#7d8694", "#7a838f", "#c6c6c6", "#3a3a3a"),
    "planned":    ("#7d8694", "#7a838f", "#7d8694", "#7a838f", "#c6c6c6", "#3a3a3a"),
    "done":       ("#56b4e9", "#1060c0", "#5f9cff", "#1f5fd0", "#00d7ff", "#004a8f"),
    "now":        ("#f0e442", "#8a5a00", "#ffd75f", "#8a6100", "#ffff00", "#8a5a00"),
    "best":       ("#f0e442", "#8a5a00", "#ffd75f", "#8a6100", "#ffff00", "#8a5a00"),
    "good":       ("#2fc59a", "#007a56", "#5fd75f", "#1c7c2c", "#00ff87", "#005f3c"),
    "bad":        ("#ff7b39", "#c02a00", "#ff5f5f", "#c01f24", "#ff8700", "#9e2000"),
    "warn":       ("#f0e442", "#8a5a00", "#ffd75f", "#8a6100", "#ffff00", "#8a5a00"),
    "mark":       ("#e07fd0", "#a0308f", "#d787ff", "#8a2fb8", "#ff87ff", "#87005f"),
    "crosshair":  ("#ffffff", "#000000", "#ffffff", "#000000", "#ffffff", "#000000"),
    "cursor":     ("#ffffff", "#1d232b", "#ffffff", "#1d232b", "#ffffff", "#000000"),
    "pause":      ("#2e3036", "#e4e4e4", "#2e3036", "#e4e4e4", "#3a3a3a", "#d0d0d0"),
    "series_a":   ("#56b4e9", "#1060c0", "#5f9cff", "#1f5fd0", "#00d7ff", "#004a8f"),
    "series_b":   ("#ffa51f", "#b85000", "#ff5f5f", "#c01f24", "#ffaf00", "#9e3000"),
    "series_c":   ("#2fc59a", "#007a56", "#5fd75f", "#1c7c2c", "#00ff87", "#005f3c"),
    "series_d":   ("#e07fd0", "#a0308f", "#d787ff", "#8a2fb8", "#ff87ff", "#87005f"),
}
_ORANGE = (
    ("#1c1d22", "#4a3416", "#96600c", "#e69f00", "#fbe87a"),
    ("#f6f4ef", "#fbdfa6", "#f0ad3c", "#c86a00", "#7a3300"),
)
_SKY = (
    ("#1c1d22", "#17374f", "#1b5f8f", "#3a95cf", "#9ad8ff"),
    ("#f3f5f6", "#bcdcf0", "#67b2e0", "#1f7fbd", "#00436e"),
)
_RED = (
    ("#1c1d22", "#4c1a1c", "#93282a", "#e0484a", "#ffb0a0"),
    ("#f7f1f0", "#f7c9c3", "#ec8a82", "#cf3b3b", "#7d1014"),
)
_GREEN = (
    ("#1c1d22", "#173f22", "#1f6d33", "#3fae55", "#a2efae"),
    ("#f0f5f1", "#c0e4c5", "#79c385", "#2f8f43", "#0c4a1a"),
)
_BRIGHT_ORANGE = (("#000000", "#5f3700", "#b36b00", "#ffaf00", "#ffffaf"), _ORANGE[1])
_BRIGHT_SKY = (("#000000", "#004a5f", "#0087af", "#00d7ff", "#d7ffff"), _SKY[1])
# fmt: on

_RAMPS = {
    # heat, diagonal, less, more; each for dark and for light
    "okabe-ito": (_ORANGE, _SKY, _SKY, _ORANGE),
    "classic": (_RED, _GREEN, _SKY, _RED),
    "high-contrast": (_BRIGHT_ORANGE, _BRIGHT_SKY, _BRIGHT_SKY, _BRIGHT_ORANGE),
}
_BOLD_ROLES = frozenset({"validation", "now", "best", "bad", "cursor"})
_BACKGROUND_ROLES = frozenset({"train_fill", "pause"})
_MONO_ATTRIBUTES = {
    **dict.fromkeys(("muted", "faint", "axis", "train_band", "ghost", "planned", "series_c"), Style(dim=True)),
    **dict.fromkeys(("validation", "now", "best", "bad", "warn", "crosshair", "series_b"), Style(bold=True)),
    "cursor": Style(reverse=True, bold=True),
}


def _style(role: str, column: int) -> Style:
    color = _COLORS[role][column]
    if role == "cursor":
        return Style(color="#ffffff" if column % 2 else "#000000", bgcolor=color, bold=True)
    if role in _BACKGROUND_ROLES:
        return Style(bgcolor=color)
    return Style(color=color, bold=role in _BOLD_ROLES or None)


def _build(name: str, light: int) -> Palette:
    if name == MONO:
        styles = {role: _MONO_ATTRIBUTES.get(role, NO_STYLE) for role in _COLORS}
        ramps = _RAMPS["okabe-ito"]
    else:
        column = 2 * list(_RAMPS).index(name) + light
        styles = {role: _style(role, column) for role in _COLORS}
        ramps = _RAMPS[name]
    heat, diagonal, less, more = (ramp[light] for ramp in ramps)
    return Palette(name=name, dark=not light, heat=heat, diagonal=diagonal, less=less, more=more, **styles)


NAMES: tuple[str, ...] = (*_RAMPS, MONO)
"""Palettes by name; the first is the default."""
_PALETTES = {name: (_build(name, 0), _build(name, 1)) for name in NAMES}


def palette(name: str = NAMES[0], *, dark: bool = True) -> Palette:
    """The palette of that name for a dark or a light background.

    Raises:
        KeyError: there is no palette of that name; see NAMES.
    """
    return _PALETTES[name][0 if dark else 1]


def ramp_color(ramp: Ramp, level: float) -> str:
    """The colour of a ramp at `level` in 0..1 as #rrggbb, linear in sRGB between the stops."""
    position = min(max(level, 0.0), 1.0) * (len(ramp) - 1)
    index = min(int(position), len(ramp) - 2)
    share = position - index
    low, high = (Color.parse(ramp[index + offset]).get_truecolor() for offset in (0, 1))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


@cache
def ramp_colors(ramp: Ramp) -> tuple[str, ...]:
    """A ramp in LEVELS + 1 steps."""
    return tuple(ramp_color(ramp, step / LEVELS) for step in range(LEVELS + 1))


@lru_cache(maxsize=4096)
def half_block(upper: str, lower: str) -> Style:
    """The style of an upper half block in two colours; an empty `lower` is transparent."""
    return Style(color=upper, bgcolor=lower or None)


@lru_cache(maxsize=2048)
def _shade(ramp: Ramp, step: int, bold: bool) -> Style:
    color = ramp_colors(ramp)[step]
    # Relative luminance as in WCAG 2.1; at 0.179 black and white have the same contrast to it, 4.6.
    parts = [part / 255 for part in Color.parse(color).get_truecolor()]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    is_bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179
    return Style(color="#000000" if is_bright else "#ffffff", bgcolor=color, bold=bold or None)


def shade(ramp: Ramp, level: float, *, bold: bool = False) -> Style:
    """A background of the ramp at `level` in 0..1 with text that can be read on it."""
    return _shade(ramp, round(min(max(level, 0.0), 1.0) * LEVELS), bold)
