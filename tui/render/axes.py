"""Axes: where ticks go and how their labels read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tui.render import numbers


class Unit(Enum):
    """What an axis counts; decides which numbers are round and how they are written."""

    NUMBER = "number"
    """0.5, 1.0, 1.5; from 1000 on 1k, 1.5k."""
    COUNT = "count"
    """Whole numbers: 0, 5k, 10k, 1.5M."""
    PERCENT = "percent"
    """Fractions, written 20%, 40%."""
    LEARNING_RATE = "learning rate"
    """0.1, 0.05, 1e-3."""
    SECONDS = "seconds"
    """0:30, 5m, 1h30, 1d2h30."""
    BYTES = "bytes"
    """Powers of 1024: 512 MiB, 2 GiB."""


@dataclass(frozen=True)
class Axis:
    """How one direction of a plot is measured."""

    unit: Unit = Unit.NUMBER
    title: str = ""
    """Short: step, epoch, time."""
    per: float = 1.0
    """Data units in one unit of the axis: steps_per_epoch shows steps as epochs without touching the data."""
    log: bool = False
    """For y only. Values that are not above zero are then left out."""


@dataclass(frozen=True)
class Tick:
    """A labelled position in data units."""

    at: float
    label: str


_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


def ticks(axis: Axis, low: float, high: float, most: int) -> list[Tick]:
    """At most about `most` ticks at round values within low..high, both in data units and low < high."""
    if most < 1 or not low < high:
        return []
    if axis.log:
        powers = _powers(low / axis.per, high / axis.per, most)
        if len(powers) >= 2:
            return [Tick(at * axis.per, _LABELS[axis.unit](at, at)) for at in powers]
    step = _step(axis.unit, (high - low) / axis.per, most)
    first = math.ceil(low / axis.per / step - 1e-9)
    last = math.floor(high / axis.per / step + 1e-9)
    label = _LABELS[axis.unit]
    return [Tick(n * step * axis.per, label(n * step, step)) for n in range(first, min(last, first + 2 * most) + 1)]


def value_label(axis: Axis, value: float) -> str:
    """A single value on this axis, a digit finer than ticks would be."""
    value /= axis.per
    match axis.unit:
        case Unit.PERCENT:
            return numbers.percent(value)
        case Unit.LEARNING_RATE:
            return numbers.learning_rate(value)
        case Unit.SECONDS:
            return numbers.clock(value)
        case Unit.BYTES:
            return numbers.size(value)
        case Unit.COUNT:
            # 12 of 30 epochs is a whole number, the middle of it is not
            return numbers.count(value) if axis.per == 1 or value == int(value) else f"{value:,.1f}"
        case Unit.NUMBER:
            return numbers.number(value)


def _step(unit: Unit, span: float, most: int) -> float:
    """The smallest round step that gives no more than `most` ticks."""
    rough = span / most
    if unit is Unit.SECONDS and rough > 0.5:
        return next((float(step) for step in _TIMES if step >= rough), _decimal_step(rough / 86_400) * 86_400)
    if unit is Unit.BYTES:
        # A power of two: 512 MiB, 1 GiB, 1.5 GiB. Three times 500 MiB would be no round number of GiB.
        return 2.0 ** max(0, math.ceil(math.log2(rough) - 1e-9))
    step = _decimal_step(rough)
    return max(step, 1.0) if unit is Unit.COUNT else step


def _decimal_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(multiple * power for multiple in (1, 2, 5, 10) if multiple * power >= rough * (1 - 1e-9))


def _powers(low: float, high: float, most: int) -> list[float]:
    """Powers of ten, with their 2 and 5 where there is room, and only every second or third where there is not."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for multiples in ((1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**power for power in range(first, last + 1) for m in multiples]
        values = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(values) <= most:
            return values
    return values[:: -(-len(values) // most)]


# Every label shows as many digits as tell it from its neighbour a step away, and no more.


def _number(value: float, step: float) -> str:
    if value and abs(value) < 1e-3:
        return _learning_rate(value, step)
    return _suffixed(value, step, trimmed=False)


def _suffixed(value: float, step: float, trimmed: bool = True) -> str:
    if abs(value) >= 1e12:
        return _learning_rate(value, step)  # 2e15
    for divisor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= divisor * (1 - 1e-9) and step >= divisor / 100:
            return _trim(f"{value / divisor:.{_decimals(step / divisor)}f}") + suffix
    text = f"{value:,.{_decimals(step)}f}"
    return _trim(text) if trimmed else text


def _percent(value: float, step: float) -> str:
    return f"{100 * value:.{_decimals(100 * step)}f}%"


def _learning_rate(value: float, step: float) -> str:
    if abs(value) < step / 2:
        return "0"
    if 0.00995 <= abs(value) < 1e12:
        return _trim(f"{value:.{_decimals(step)}f}")
    digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) - math.floor(math.log10(step) + 1e-9))
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{_trim(mantissa)}e{int(exponent)}"


def _seconds(value: float, step: float) -> str:
    if step < 1:
        return f"{value:.{_decimals(step)}f}s"
    sign = "-" * (value < 0)
    if step < 60:
        minutes, seconds = divmod(round(abs(value)), 60)
        hours, minutes = divmod(minutes, 60)
        return sign + (f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")
    minutes = round(abs(value) / 60)
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    clock = f"{hours}h" + (f"{minutes:02}" if minutes else "")
    if days:
        return f"{sign}{days}d" + (clock if hours or minutes else "")
    if hours:
        return sign + clock
    return f"{sign}{minutes}m" if minutes else "0"


def _bytes(value: float, step: float) -> str:
    power = min(int(math.log(max(abs(value), 1.0), 1024)), len(numbers.BINARY_UNITS) - 1)
    digits = max(0, math.ceil(math.log2(1024**power / step) - 1e-9))  # a half has one, a quarter two
    return _trim(f"{value / 1024**power:,.{digits}f}") + f" {numbers.BINARY_UNITS[power]}"


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


_LABELS: dict[Unit, Callable[[float, float], str]] = {
    Unit.NUMBER: _number,
    Unit.COUNT: _suffixed,
    Unit.PERCENT: _percent,
    Unit.LEARNING_RATE: _learning_rate,
    Unit.SECONDS: _seconds,
    Unit.BYTES: _bytes,
}
