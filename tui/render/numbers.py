"""Numbers as people read them. None and whatever is not finite is shown as a dash: `–`, or `-` in ASCII."""

from __future__ import annotations

import math
from typing import TypeGuard

DASH = "–"
BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def _is_number(value: float | None) -> TypeGuard[float]:
    """Whether there is a value, and a finite one."""
    return value is not None and math.isfinite(value)


def count(value: float | None) -> str:
    """A whole number with thousands apart: 41,220."""
    return DASH if not _is_number(value) else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """At most three digits and a suffix: 950, 1.5k, 41.2k, 2.3M, 6.1G."""
    if not _is_number(value):
        return DASH
    magnitude = abs(value)
    for limit, divisor, suffix in ((999.5, 1, ""), (999_500, 1e3, "k"), (999.5e6, 1e6, "M"), (999.5e9, 1e9, "G")):
        if magnitude < limit:
            scaled = value / divisor
            digits = 0 if abs(scaled) >= 99.95 or scaled == int(scaled) else 1
            return _trim(f"{scaled:.{digits}f}") + suffix
    return f"{value:.1e}"


def number(value: float | None, digits: int = 3) -> str:
    """A metric to `digits` significant digits, never longer than needed: 0.412, 2.31, 12.4, 1.2e-05."""
    if not _is_number(value):
        return DASH
    magnitude = abs(value)
    if magnitude and not 1e-3 <= magnitude < 1e6:
        return f"{value:.{max(digits - 2, 0)}e}"
    decimals = digits - 1 - (math.floor(math.log10(magnitude)) if magnitude else 0)
    return f"{value:.{max(0, min(decimals, digits))}f}"


def rate(value: float | None) -> str:
    """Images a second: 41,220 img/s; slow rates keep a decimal."""
    if not _is_number(value):
        return f"{DASH} img/s"
    return f"{value:,.0f} img/s" if abs(value) >= 10 else f"{value:.1f} img/s"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as a percentage: 73.4%."""
    if not _is_number(fraction):
        return DASH
    return f"{100 * fraction:.{digits}f}%"


def share(fraction: float) -> str:
    """A part of something in whole per cent: 18%, and <1% rather than 0% of what is not nothing."""
    return "<1%" if 0 < fraction < 0.01 else f"{100 * fraction:.0f}%"


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points, signed: +1.4, -0.3; what rounds to zero has no sign."""
    if not _is_number(difference):
        return DASH
    text = f"{100 * difference:+.1f}"
    return text[1:] if float(text) == 0 else text


def learning_rate(value: float | None) -> str:
    """0.1, 0.05, 0.0125, 1e-3, 2.5e-4: plain from 0.01 on, short powers below."""
    if not _is_number(value):
        return DASH
    if value == 0 or abs(value) >= 0.00995:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{_trim(mantissa)}e{int(exponent)}"


def size(num_bytes: float | None) -> str:
    """Bytes in binary units: 512 B, 14.2 MiB."""
    if not _is_number(num_bytes):
        return DASH
    value = float(num_bytes)
    for unit in BINARY_UNITS:
        if abs(value) < 1023.5 or unit == BINARY_UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 99.95 else f"{value:.1f} {unit}"


def clock(seconds: float | None) -> str:
    """A span as a clock shows it: 0:07, 3:12, 1:02:03, 2d 03:04."""
    if not _is_number(seconds):
        return DASH
    sign = "-" if seconds <= -0.5 else ""
    minutes, second = divmod(round(abs(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hour:02}:{minute:02}"
    return f"{sign}{hours}:{minute:02}:{second:02}" if hours else f"{sign}{minute}:{second:02}"


def duration(seconds: float | None) -> str:
    """A span to two units at most: 0.8 ms, 4.2 s, 3 min 12 s, 1 h 02 min, 2 d 3 h."""
    if not _is_number(seconds):
        return DASH
    if abs(seconds) < 0.9995:
        scale, unit = (1e3, "ms") if abs(seconds) >= 0.9995e-3 else (1e6, "µs")
        return "0 s" if seconds == 0 else f"{seconds * scale:.3g} {unit}"
    if abs(seconds) < 59.95:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    return f"{hours} h {minute:02} min" if hours else f"{minute} min {second:02} s"


def age(seconds: float | None) -> str:
    """How long ago: just now, 12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    if not _is_number(seconds):
        return DASH
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86_400)
    return "1 day ago" if days == 1 else f"{days} days ago"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
