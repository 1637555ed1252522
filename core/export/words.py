"""Numbers and names as the report writes them. None and whatever is not finite is a dash."""

from __future__ import annotations

import math
import time

from core.headless import printable

DASH = "–"


def plain_name(name: str) -> str:
    """A class as a person writes it: spaces for underscores, and nothing that cannot be shown."""
    return printable(name.replace("_", " ")).strip() or "(unnamed)"


def percent(fraction: float | None, digits: int = 1) -> str:
    """73.4%; what is not quite everything is never 100%."""
    if fraction is None or not math.isfinite(fraction):
        return DASH
    text = f"{100 * fraction:.{digits}f}%"
    return f"{100 * fraction:.{digits + 1}f}%" if text.startswith("100.") and fraction < 1 else text


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points, with a true minus: +1.4, −0.3."""
    if difference is None or not math.isfinite(difference):
        return DASH
    text = f"{100 * difference:+.1f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def number(value: float | None, digits: int = 3) -> str:
    """To so many significant digits: 0.634, 2.30, 1e-05."""
    if value is None or not math.isfinite(value):
        return DASH
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}g}"
    decimals = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{value:.{min(max(0, decimals), digits)}f}"


def count(value: float | None) -> str:
    """With thousands apart: 41,220."""
    return DASH if value is None or not math.isfinite(value) else f"{value:,.0f}"


def date(seconds: float | None) -> str:
    """21 November 2026, 08:14 UTC."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    moment = time.gmtime(seconds)
    return f"{moment.tm_mday} {time.strftime('%B %Y, %H:%M UTC', moment)}"


def span(seconds: float | None) -> str:
    """To two units: 42 s, 17 min 28 s, 3 h 12 min."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute:02} min" if hours else f"{minute} min {second:02} s"
