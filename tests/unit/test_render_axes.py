"""The axes of plots: round ticks whose labels have room, and columns for values and back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.render.axes import ticks
from tui.render.palettes import Look, palette
from tui.render.plot import Axis, PlotSpec, Series, Unit, draw_plot, layout


@pytest.mark.parametrize(
    ("axis", "low", "high", "expected"),
    [
        (Axis(), 0.31, 2.35, ["0.5", "1.0", "1.5", "2.0"]),
        (Axis(Unit.COUNT), 0, 2.4e6, ["0", "500k", "1M", "1.5M", "2M"]),
        (Axis(Unit.COUNT), 0, 3, ["0", "1", "2", "3"]),
        (Axis(Unit.COUNT, per=500), 0, 15_000, ["0", "5", "10", "15", "20", "25", "30"]),
        (Axis(Unit.PERCENT), 0.2, 0.81, ["20%", "40%", "60%", "80%"]),
        (Axis(Unit.PERCENT), 0.731, 0.742, ["73.2%", "73.4%", "73.6%", "73.8%", "74.0%", "74.2%"]),
        (Axis(Unit.LEARNING_RATE), 0, 0.1, ["0", "0.02", "0.04", "0.06", "0.08", "0.1"]),
        (Axis(Unit.LEARNING_RATE), 0, 9e-4, ["0", "2e-4", "4e-4", "6e-4", "8e-4"]),
        (Axis(Unit.LEARNING_RATE), 0.0499, 0.0503, ["0.0499", "0.05", "0.0501", "0.0502", "0.0503"]),
        (Axis(Unit.LEARNING_RATE, log=True), 1e-5, 0.1, ["1e-5", "1e-4", "1e-3", "0.01", "0.1"]),
        (Axis(log=True), 0.2, 3, ["0.2", "0.5", "1", "2"]),
        (Axis(Unit.SECONDS), 0, 50, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]),
        (Axis(Unit.SECONDS), 0, 900, ["0", "5m", "10m", "15m"]),
        (Axis(Unit.SECONDS), 0, 20_000, ["0", "1h", "2h", "3h", "4h", "5h"]),
        (Axis(Unit.SECONDS), 3500, 6000, ["1h", "1h10", "1h20", "1h30", "1h40"]),
        (Axis(Unit.SECONDS), 82_800, 90_000, ["23h", "23h30", "1d", "1d0h30", "1d1h"]),
        (Axis(Unit.COUNT), 41_000, 41_005, ["41,000", "41,001", "41,002", "41,003", "41,004", "41,005"]),
        (Axis(Unit.COUNT), 1_000_000, 1_060_000, ["1M", "1.01M", "1.02M", "1.03M", "1.04M", "1.05M", "1.06M"]),
        (Axis(Unit.BYTES), 0, 5 * 2**30, ["0 B", "1 GiB", "2 GiB", "3 GiB", "4 GiB", "5 GiB"]),
        (Axis(Unit.BYTES), 0, 3 * 2**30, ["0 B", "512 MiB", "1 GiB", "1.5 GiB", "2 GiB", "2.5 GiB", "3 GiB"]),
        (Axis(Unit.BYTES), 2**30, 1.25 * 2**30, ["1 GiB", "1.0625 GiB", "1.125 GiB", "1.1875 GiB", "1.25 GiB"]),
        (Axis(), 1.0, 1.0, []),
    ],
)
def test_ticks_are_round(axis: Axis, low: float, high: float, expected: list[str]) -> None:
    assert [tick.label for tick in ticks(axis, low, high, most=6)] == expected


@given(
    st.sampled_from(Unit),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(1e-3, 1e9),
    st.integers(1, 20),
    st.booleans(),
)
def test_ticks_lie_within_the_range_and_differ(unit: Unit, low: float, span: float, most: int, log: bool) -> None:
    if log:
        low = abs(low) + 1e-6
    found = ticks(Axis(unit, log=log), low, low + span, most)
    assert len(found) <= 2 * most + 1
    slack = 1e-6 * (abs(low) + span)
    assert all(low - slack <= tick.at <= low + span + slack for tick in found)
    assert len({tick.label for tick in found}) == len(found)


_FACTORS = {
    "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "%": 0.01, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0,
    "B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
}  # fmt: skip


def read(label: str) -> float:
    """The value that a label tells: 1.5k, 20%, 2e-4, 0:50, 1d0h30, 1.5 GiB."""
    sign, text = (-1 if label.startswith("-") else 1), label.lstrip("-").replace(",", "")
    if ":" in text:
        return sign * sum(60**place * int(part) for place, part in enumerate(reversed(text.split(":"))))
    text = re.sub(r"(?<=h)(\d+)$", r"\1m", text)
    parts = re.findall(r"([\d.]+(?:e-?\d+)?) ?(\D*)", text)
    return sign * sum(float(number) * _FACTORS[unit] for number, unit in parts)


@given(st.sampled_from(Unit), st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(1e-3, 1e9), st.integers(1, 20))
def test_a_label_is_the_value_of_its_tick_and_none_near_it(unit: Unit, low: float, span: float, most: int) -> None:
    found = ticks(Axis(unit), low, low + span, most)
    step = found[1].at - found[0].at if len(found) > 1 else 1.0
    for tick in found:
        assert read(tick.label) == pytest.approx(tick.at, rel=1e-9, abs=1e-3 * step)


def test_no_label_is_cut_off() -> None:
    for width in range(20, 121, 7):
        spec = PlotSpec(
            (Series("a", [0, 14_999], [0.0, 1.0]),), x=Axis(Unit.COUNT, "step", per=500), y=Axis(Unit.PERCENT)
        )
        frame = layout(spec, width, 14)
        assert frame is not None
        labels = draw_plot(spec, width, 14, Look(palette()))[-1].text.split()
        assert set(labels) <= {tick.label for tick in frame.x_ticks} | {"step"}
        assert len(labels) >= 2


def test_columns_and_values_are_inverse() -> None:
    frame = layout(PlotSpec((Series("a", [0, 1000], [0, 1]),)), 80, 20)
    assert frame is not None
    assert [frame.column(frame.x_at(column)) for column in range(frame.columns)] == list(range(frame.columns))
    assert frame.column(0) == 0
    assert frame.column(1000) == frame.columns - 1
    assert frame.column(1001) is None
