"""Small drawings for table cells and status lines: trends, progress, shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.text import Text

from tui.render.palettes import Look, Role

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-=+*#@"


def sparkline(
    values: Sequence[float | None], width: int, look: Look, *, low: float | None = None, role: Role = "train"
) -> Text:
    """The last `width` values as bars, the newest at the right; missing ones blank, equal ones at half height.

    The lowest bar is of the least value, or of `low`, which none may be below.
    """
    recent = np.array(
        [np.nan if value is None else value for value in values[-width:]] if width > 0 else [], np.float64
    )
    finite = np.isfinite(recent)
    text = ""
    if finite.any():
        low = float(recent[finite].min()) if low is None else low
        high = float(recent[finite].max())
        bars = _ASCII_BARS if look.ascii else _BARS
        span = high / 2 - low / 2  # halved, as the difference of two huge numbers is infinite
        for value, is_finite in zip(recent.tolist(), finite.tolist(), strict=True):
            if not is_finite:
                text += " "
                continue
            level = (value / 2 - low / 2) / span if span > 0 else 0.45
            text += bars[min(int(level * len(bars)), len(bars) - 1)]
    return Text(text.rjust(width), look.style(role), no_wrap=True, end="")


def progress(fraction: float | None, width: int, look: Look, *, role: Role = "train") -> Text:
    """A bar of exactly `width` cells: ━━━╸─── or ###>----. None (not known yet) is an empty bar."""
    full, head, rest = ("#", ">", "-") if look.ascii else ("━", "╸", "─")
    halves = int(_share(fraction) * 2 * width)
    done = full * (halves // 2) + (head if halves % 2 else "")
    text = Text(no_wrap=True, end="")
    text.append(done, look.style(role))
    text.append(rest * (width - len(done)), look.style("faint"))
    return text


def gauge(fraction: float | None, width: int, look: Look, *, role: Role = "train") -> Text:
    """A share as a bar without a track, to half a cell, for columns of a table: ━━╸ or ###."""
    width = max(width, 0)
    full, half = ("#", "") if look.ascii else ("━", "╸")
    halves = round(_share(fraction) * 2 * width)
    # Blocks would be finer but, filling their cells, run together with those of the rows above and below.
    return Text((full * (halves // 2) + half * (halves % 2)).ljust(width), look.style(role), no_wrap=True, end="")


def _share(fraction: float | None) -> float:
    return min(max(fraction, 0.0), 1.0) if fraction is not None and math.isfinite(fraction) else 0.0
