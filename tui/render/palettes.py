"""Colours by the role they play, and how a drawing may look on the terminal at hand.

Colours are given in 24 bit; rich turns them into 256 or 16 where the terminal has no more. Meaning never hangs on them:
every role also differs by stroke, character or weight, so the `mono` palette loses nothing but beauty.
The default follows Okabe and Ito, "Color Universal Design" (2008): blue against orange stays apart for all common
kinds of colour blindness, so what is right is blue and what is wrong is orange.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from rich.style import Style

from tui.render import ramps
from tui.render.ramps import Ramp

# fmt: off
Role = Literal[
    "text", "muted", "faint", "axis", "train", "train_band", "train_fill", "validation", "top5", "ghost", "planned",
    "done", "now", "best", "good", "bad", "warn", "mark", "crosshair", "cursor", "pause",
    "series_a", "series_b", "series_c", "series_d",
]
# fmt: on
"""What a colour says. `pause`, `cursor` and `train_fill` colour the background, all others the character."""


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
    """Shares of wrong answers."""
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

    def colors(self, ramp: Ramp) -> tuple[str, ...]:
        """A ramp of the palette in ramps.LEVELS + 1 steps."""
        return ramps.colors(ramp, indexed=self.depth == Depth.EIGHT_BIT)

    def shade(self, ramp: Ramp, level: float, *, bold: bool = False) -> Style:
        """A background of the ramp at `level` in 0..1, with text that can be read on it."""
        return ramps.on(self.colors(ramp)[round(min(max(level, 0.0), 1.0) * ramps.LEVELS)], bold=bold)


NO_STYLE = Style()
MONO = "mono"

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
# fmt: on

_RAMPS = {
    # heat, diagonal, less, more; each for dark and for light
    "okabe-ito": (ramps.ORANGE, ramps.SKY, ramps.SKY, ramps.ORANGE),
    "classic": (ramps.RED, ramps.GREEN, ramps.SKY, ramps.RED),
    "high-contrast": (ramps.BRIGHT_ORANGE, ramps.BRIGHT_SKY, ramps.BRIGHT_SKY, ramps.BRIGHT_ORANGE),
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
        chosen = _RAMPS["okabe-ito"]
    else:
        column = 2 * list(_RAMPS).index(name) + light
        styles = {role: _style(role, column) for role in _COLORS}
        chosen = _RAMPS[name]
    heat, diagonal, less, more = (ramp[light] for ramp in chosen)
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


def make_look(name: str, *, dark: bool, color_system: str | None, no_color: bool, ascii: bool) -> Look:
    """The look for a palette on a terminal."""
    depth = Depth.MONO if no_color else depth_of(color_system)
    return Look(palette(MONO if depth is Depth.MONO else name, dark=dark), depth, ascii)
