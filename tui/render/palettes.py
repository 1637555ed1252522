"""Colours by the role they play, and how a drawing may look on the terminal at hand.

Colours are given in 24 bit; rich turns them into 256 or 16 where the terminal has no more. Meaning never hangs on them:
every role also differs by stroke, character or weight, so the `mono` palette loses nothing but beauty.
The default follows Okabe and Ito, "Color Universal Design" (2008): blue against orange stays apart for all common kinds of
colour blindness, so what is right is blue and what is wrong is orange.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

Role = Literal[
    "text", "muted", "faint", "axis", "train", "train_band", "train_fill", "validation", "top5", "ghost", "planned", "done", "now",
    "best", "good", "bad", "warn", "mark", "crosshair", "cursor", "pause", "series_a", "series_b", "series_c", "series_d",
]  # fmt: skip
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
_LEVELS = 64  # steps of a ramp: finer than 256 colours can show, and few enough to cache every style


def _fg(color: str, **attributes: bool) -> Style:
    return Style(color=color, **attributes)  # type: ignore[arg-type]


_OKABE_DARK = Palette(
    name="okabe-ito", dark=True,
    text=_fg("#d8dee6"), muted=_fg("#8a94a3"), faint=_fg("#3a3a3a"), axis=_fg("#5c6675"),
    train=_fg("#56b4e9"), train_band=_fg("#2f6288"), train_fill=Style(bgcolor="#18303f"), validation=_fg("#ffa51f", bold=True), top5=_fg("#e07fd0"),
    ghost=_fg("#8a94a3"), planned=_fg("#8a94a3"), done=_fg("#56b4e9"), now=_fg("#f0e442", bold=True),
    best=_fg("#f0e442", bold=True), good=_fg("#2fc59a"), bad=_fg("#ff7b39", bold=True), warn=_fg("#f0e442"),
    mark=_fg("#e07fd0"), crosshair=_fg("#ffffff"), cursor=_fg("#000000", bold=True) + Style(bgcolor="#ffffff"),
    pause=Style(bgcolor="#2e3036"),
    series_a=_fg("#56b4e9"), series_b=_fg("#ffa51f"), series_c=_fg("#2fc59a"), series_d=_fg("#e07fd0"),
    heat=("#1c1d22", "#4a3416", "#96600c", "#e69f00", "#fbe87a"),
    diagonal=("#1c1d22", "#17374f", "#1b5f8f", "#3a95cf", "#9ad8ff"),
    less=("#1c1d22", "#17374f", "#1b5f8f", "#3a95cf", "#9ad8ff"),
    more=("#1c1d22", "#4a3416", "#96600c", "#e69f00", "#fbe87a"),
)  # fmt: skip

_OKABE_LIGHT = Palette(
    name="okabe-ito", dark=False,
    text=_fg("#1d232b"), muted=_fg("#5d6673"), faint=_fg("#d3d8df"), axis=_fg("#98a1ad"),
    train=_fg("#1060c0"), train_band=_fg("#92bfe8"), train_fill=Style(bgcolor="#dcebf8"), validation=_fg("#b85000", bold=True), top5=_fg("#a0308f"),
    ghost=_fg("#7a838f"), planned=_fg("#7a838f"), done=_fg("#1060c0"), now=_fg("#8a5a00", bold=True),
    best=_fg("#8a5a00", bold=True), good=_fg("#00875f"), bad=_fg("#c02a00", bold=True), warn=_fg("#8a5a00"),
    mark=_fg("#a0308f"), crosshair=_fg("#000000"), cursor=_fg("#ffffff", bold=True) + Style(bgcolor="#1d232b"),
    pause=Style(bgcolor="#e4e4e4"),
    series_a=_fg("#1060c0"), series_b=_fg("#b85000"), series_c=_fg("#00875f"), series_d=_fg("#a0308f"),
    heat=("#f6f4ef", "#fbdfa6", "#f0ad3c", "#c86a00", "#7a3300"),
    diagonal=("#f0f4f7", "#bcdcf0", "#67b2e0", "#1f7fbd", "#00436e"),
    less=("#f6f4ef", "#bcdcf0", "#67b2e0", "#1f7fbd", "#00436e"),
    more=("#f6f4ef", "#fbdfa6", "#f0ad3c", "#c86a00", "#7a3300"),
)  # fmt: skip

_CLASSIC_DARK = replace(
    _OKABE_DARK, name="classic",
    train=_fg("#5f9cff"), train_band=_fg("#34558f"), train_fill=Style(bgcolor="#1a2a47"), validation=_fg("#5fd75f", bold=True), top5=_fg("#d787ff"),
    done=_fg("#5f9cff"), good=_fg("#5fd75f"), bad=_fg("#ff5f5f", bold=True), warn=_fg("#ffd75f"),
    now=_fg("#ffd75f", bold=True), best=_fg("#ffd75f", bold=True), mark=_fg("#d787ff"),
    series_a=_fg("#5f9cff"), series_b=_fg("#ff5f5f"), series_c=_fg("#5fd75f"), series_d=_fg("#d787ff"),
    heat=("#1c1d22", "#4c1a1c", "#93282a", "#e0484a", "#ffb0a0"),
    diagonal=("#1c1d22", "#173f22", "#1f6d33", "#3fae55", "#a2efae"),
    less=("#1c1d22", "#1b2f5c", "#2a52a0", "#5f9cff", "#b8d4ff"),
    more=("#1c1d22", "#4c1a1c", "#93282a", "#e0484a", "#ffb0a0"),
)  # fmt: skip

_CLASSIC_LIGHT = replace(
    _OKABE_LIGHT, name="classic",
    train=_fg("#1f5fd0"), train_band=_fg("#9fbcec"), train_fill=Style(bgcolor="#e0e9f9"), validation=_fg("#1c7c2c", bold=True), top5=_fg("#8a2fb8"),
    done=_fg("#1f5fd0"), good=_fg("#1c7c2c"), bad=_fg("#c01f24", bold=True), warn=_fg("#8a6100"),
    now=_fg("#8a6100", bold=True), best=_fg("#8a6100", bold=True), mark=_fg("#8a2fb8"),
    series_a=_fg("#1f5fd0"), series_b=_fg("#c01f24"), series_c=_fg("#1c7c2c"), series_d=_fg("#8a2fb8"),
    heat=("#f7f1f0", "#f7c9c3", "#ec8a82", "#cf3b3b", "#7d1014"),
    diagonal=("#f0f5f1", "#c0e4c5", "#79c385", "#2f8f43", "#0c4a1a"),
    less=("#f6f4ef", "#c6d6f4", "#86a8ea", "#3f6fd8", "#14367f"),
    more=("#f7f1f0", "#f7c9c3", "#ec8a82", "#cf3b3b", "#7d1014"),
)  # fmt: skip

_CONTRAST_DARK = replace(
    _OKABE_DARK, name="high-contrast",
    text=_fg("#ffffff"), muted=_fg("#c6c6c6"), faint=_fg("#626262"), axis=_fg("#9e9e9e"),
    train=_fg("#00d7ff", bold=True), train_band=_fg("#00708a"), train_fill=Style(bgcolor="#00303a"), validation=_fg("#ffaf00", bold=True),
    top5=_fg("#ff87ff"), ghost=_fg("#c6c6c6"), planned=_fg("#c6c6c6"), done=_fg("#00d7ff", bold=True),
    now=_fg("#ffff00", bold=True), best=_fg("#ffff00", bold=True), good=_fg("#00ff87", bold=True),
    bad=_fg("#ff8700", bold=True), warn=_fg("#ffff00", bold=True), mark=_fg("#ff87ff", bold=True),
    cursor=_fg("#000000", bold=True) + Style(bgcolor="#ffffff"), pause=Style(bgcolor="#3a3a3a"),
    series_a=_fg("#00d7ff", bold=True), series_b=_fg("#ffaf00", bold=True), series_c=_fg("#00ff87", bold=True),
    series_d=_fg("#ff87ff", bold=True),
    heat=("#000000", "#5f3700", "#b36b00", "#ffaf00", "#ffffaf"),
    diagonal=("#000000", "#004a5f", "#0087af", "#00d7ff", "#d7ffff"),
    less=("#000000", "#004a5f", "#0087af", "#00d7ff", "#d7ffff"),
    more=("#000000", "#5f3700", "#b36b00", "#ffaf00", "#ffffaf"),
)  # fmt: skip

_CONTRAST_LIGHT = replace(
    _OKABE_LIGHT, name="high-contrast",
    text=_fg("#000000"), muted=_fg("#3a3a3a"), faint=_fg("#b2b2b2"), axis=_fg("#585858"),
    train=_fg("#004a8f", bold=True), train_band=_fg("#87afd7"), train_fill=Style(bgcolor="#d7e4f2"), validation=_fg("#9e3000", bold=True),
    top5=_fg("#87005f"), ghost=_fg("#3a3a3a"), planned=_fg("#3a3a3a"), done=_fg("#004a8f", bold=True),
    good=_fg("#005f3c", bold=True), bad=_fg("#9e2000", bold=True), mark=_fg("#87005f", bold=True),
    cursor=_fg("#ffffff", bold=True) + Style(bgcolor="#000000"), pause=Style(bgcolor="#d0d0d0"),
    series_a=_fg("#004a8f", bold=True), series_b=_fg("#9e3000", bold=True), series_c=_fg("#005f3c", bold=True),
    series_d=_fg("#87005f", bold=True),
)  # fmt: skip

_BOLD, _DIM, _REVERSE = Style(bold=True), Style(dim=True), Style(reverse=True, bold=True)
_MONO_DARK = replace(
    _OKABE_DARK, name=MONO,
    text=NO_STYLE, muted=_DIM, faint=_DIM, axis=_DIM, train=NO_STYLE, train_band=_DIM, train_fill=NO_STYLE, validation=_BOLD, top5=NO_STYLE,
    ghost=_DIM, planned=_DIM, done=NO_STYLE, now=_BOLD, best=_BOLD, good=NO_STYLE, bad=_BOLD, warn=_BOLD, mark=NO_STYLE,
    crosshair=_BOLD, cursor=_REVERSE, pause=NO_STYLE,
    series_a=NO_STYLE, series_b=_BOLD, series_c=_DIM, series_d=NO_STYLE,
)  # fmt: skip

_PALETTES = {
    palette.name: (palette, light)
    for palette, light in (
        (_OKABE_DARK, _OKABE_LIGHT),
        (_CLASSIC_DARK, _CLASSIC_LIGHT),
        (_CONTRAST_DARK, _CONTRAST_LIGHT),
        (_MONO_DARK, replace(_MONO_DARK, dark=False)),
    )
}
NAMES: tuple[str, ...] = tuple(_PALETTES)
"""Palettes by name; the first is the default."""
ROLES: tuple[str, ...] = tuple(field.name for field in fields(Palette) if field.type == "Style")


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


@lru_cache(maxsize=4096)
def _shade(ramp: Ramp, step: int, bold: bool) -> Style:
    color = ramp_color(ramp, step / _LEVELS)
    red, green, blue = Color.parse(color).get_truecolor()
    # Perceived brightness by Rec. 601; at 140 of 255 black and white text are about equally readable on the ramps above.
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140
    return Style(color="#000000" if bright else "#ffffff", bgcolor=color, bold=bold)


def shade(ramp: Ramp, level: float, *, bold: bool = False) -> Style:
    """A background of the ramp at `level` in 0..1 with text that can be read on it."""
    return _shade(ramp, round(min(max(level, 0.0), 1.0) * _LEVELS), bold)
