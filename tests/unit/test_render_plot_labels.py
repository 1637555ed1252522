"""What stands below a plot and on it: ticks, the title of the axis, the crosshair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.render.axes import ticks, value_label
from tui.render.palettes import Look, palette
from tui.render.plot import Axis, PlotSpec, Series, Stroke, Unit, draw_plot, layout, message

LOOK = Look(palette())
X = np.linspace(0, 1000, 500)
NOISE = np.sin(X / 3)


def texts(spec: PlotSpec, width: int, height: int) -> list[str]:
    return [strip.text for strip in draw_plot(spec, width, height, LOOK)]


def test_the_title_of_an_axis_is_shown_whole() -> None:
    spec = PlotSpec((Series("", X, X),), x=Axis(Unit.SECONDS, "training time"))
    assert texts(spec, 50, 8)[-1].endswith("  training time")


@given(
    end=st.floats(1, 1e7),
    width=st.integers(20, 120),
    unit=st.sampled_from([Unit.COUNT, Unit.SECONDS]),
    share=st.none() | st.floats(0, 1),
)
def test_labels_below_a_plot_never_run_into_each_other(end: float, width: int, unit: Unit, share: float | None) -> None:
    crosshair = None if share is None else share * end
    spec = PlotSpec((Series("", [0, end], [0, 1]),), x=Axis(unit, "time"), crosshair=crosshair)
    frame = layout(spec, width, 9)
    assert frame is not None
    below = texts(spec, width, 9)[-1].split()
    named = [] if crosshair is None else value_label(spec.x, crosshair).split()
    assert set(below) <= {tick.label for tick in frame.x_ticks} | {"time", *named}
    assert set(named) <= set(below)
    assert crosshair is not None or width < 24 or "time" in below


@pytest.mark.parametrize(
    ("axis", "value", "label"),
    [
        (Axis(Unit.COUNT), 1234, "1,234"),
        (Axis(Unit.COUNT, "epoch", per=4), 8, "2"),
        (Axis(Unit.COUNT, "epoch", per=4), 6, "1.5"),
        (Axis(Unit.LEARNING_RATE), 0.0005, "5e-4"),
        (Axis(Unit.SECONDS), 95, "1:35"),
        (Axis(Unit.BYTES), 3 << 30, "3.0 GiB"),
        (Axis(Unit.PERCENT), 0.734, "73.4%"),
        (Axis(Unit.NUMBER), 0.4123, "0.412"),
    ],
)
def test_a_value_is_read_in_the_unit_of_its_axis(axis: Axis, value: float, label: str) -> None:
    assert value_label(axis, value) == label


def test_ticks_of_less_than_a_second_and_of_tiny_numbers_are_short() -> None:
    assert [tick.label for tick in ticks(Axis(Unit.SECONDS), 0, 1, 5)] == [
        "0.0s",
        "0.2s",
        "0.4s",
        "0.6s",
        "0.8s",
        "1.0s",
    ]
    assert [tick.label for tick in ticks(Axis(Unit.NUMBER), 1e-7, 4e-7, 4)] == ["1e-7", "2e-7", "3e-7", "4e-7"]


@pytest.mark.parametrize("x", [0.0, 250.0, 1000.0])
def test_the_value_of_the_crosshair_stands_below_it(x: float) -> None:
    spec = PlotSpec((Series("", X, X),), crosshair=x)
    lines = texts(spec, 60, 10)
    frame = layout(spec, 60, 10)
    assert frame is not None
    column = frame.column(x)
    assert column is not None
    label = value_label(spec.x, x)
    start = lines[-1].index(label)
    assert lines[0][frame.left + column] in "│○"
    assert start - 1 <= frame.left + column <= start + len(label) + 1


def test_a_crosshair_out_of_view_marks_nothing() -> None:
    series = Series("", X, NOISE)
    seen = texts(PlotSpec((series,), x_range=(0, 500), crosshair=700), 60, 10)
    assert seen == texts(PlotSpec((series,), x_range=(0, 500)), 60, 10)
    assert "○" not in "".join(seen)


@pytest.mark.parametrize("stroke", [Stroke.LINE, Stroke.DASHED])
def test_a_smoothed_curve_is_drawn_from_end_to_end(stroke: Stroke) -> None:
    spec = PlotSpec((Series("", X, X + NOISE, stroke=stroke, smoothing=0.9),), x_range=(0, 1000), y_range=(0, 1000))
    lines = texts(spec, 60, 12)
    assert lines[0][-4:].strip("┈ ")
    assert lines[9][3:10].strip("┈ ")


@pytest.mark.parametrize("width", [3, 8, 20, 60])
def test_a_word_wider_than_the_pane_is_shown_whole(width: int) -> None:
    shown = "".join(strip.text for strip in message("there is no /data/Nebuchadnezzar", width, 30, LOOK))
    assert "".join(shown.split()) == "thereisno/data/Nebuchadnezzar"


def test_a_mark_on_the_last_letter_takes_no_cell() -> None:
    assert cell_len(message("x\u0301", 5, 1, LOOK)[0].text) == 5
