"""What a plot without given ranges takes into view."""

import numpy as np
import pytest

from tui.render.palettes import Look, palette
from tui.render.plot import Axis, Frame, Note, PlotSpec, Series, Stroke, Unit, draw_plot, layout

X = np.arange(1000.0)
SPIKE = np.where(X == 501, 9.0, 1.0)


def fitted(spec: PlotSpec) -> Frame:
    frame = layout(spec, 80, 20)
    assert frame is not None
    return frame


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("stroke", "smoothing", "is_seen"),
    [(Stroke.LINE, 0.0, True), (Stroke.BAND, 0.0, False), (Stroke.LINE, 0.99, False)],
    ids=["a curve", "a band", "a smoothed curve"],
)
def test_a_single_spike_is_in_view_where_it_is_drawn(
    stroke: Stroke, smoothing: float, is_seen: bool, log: bool
) -> None:
    y = SPIKE + np.sin(X) / 10
    frame = fitted(PlotSpec((Series("", X, y, stroke=stroke, smoothing=smoothing),), y=Axis(log=log)))
    on_log_axes = log and stroke is Stroke.BAND  # there it flattens nothing
    assert (frame.y_range[1] > 9) is (is_seen or on_log_axes)


def test_only_what_is_in_view_decides() -> None:
    series = (Series("", X, np.where(X > 600, 50.0, SPIKE)),)
    assert fitted(PlotSpec(series, x_range=(0, 500))).y_range[1] < 10
    assert fitted(PlotSpec(series, x_range=(0, 700))).y_range[1] > 50


@pytest.mark.parametrize("y", [0.0, -3.0, 20.0])
def test_a_note_is_in_view(y: float) -> None:
    frame = fitted(PlotSpec((Series("", X, SPIKE),), notes=(Note(5, y, "◆", "here"),)))
    assert frame.y_range[0] <= y <= frame.y_range[1]
    assert frame.row(y) is not None


def test_a_note_that_a_log_axis_cannot_show_leaves_the_rest_in_view() -> None:
    frame = fitted(PlotSpec((Series("", X, SPIKE),), y=Axis(log=True), notes=(Note(5, 0.0, "◆", "here"),)))
    assert 0.5 < frame.y_range[0] < 1
    assert frame.row(0.0) is None


def test_shares_have_no_air_above_all_of_it_and_nothing_below_none() -> None:
    percent = Axis(Unit.PERCENT)
    assert fitted(PlotSpec((Series("", X, X / 999),), y=percent)).y_range == (0.0, 1.0)
    low, high = fitted(PlotSpec((Series("", X, 0.4 + X / 4000),), y=percent)).y_range
    assert 0.35 < low < 0.4
    assert 0.65 < high < 0.7


def test_a_curve_that_stands_still_lies_within_its_plot() -> None:
    for value in (0.0, 1.0, -5.0, 1e-9):
        frame = fitted(PlotSpec((Series("", [1, 2], [value, value]),)))
        assert frame.y_range[0] <= value < frame.y_range[1]
    single = fitted(PlotSpec((Series("", [100], [1.0]),), x=Axis(Unit.COUNT, "epoch", per=50)))
    assert single.x_range == (50, 150)


def test_a_log_axis_has_little_air_at_either_end() -> None:
    low, high = fitted(PlotSpec((Series("", X, np.logspace(-4, 0, 1000)),), y=Axis(log=True))).y_range
    assert 0.6e-4 < low < 1e-4
    assert 1 < high < 1.6


def rows_and_columns(spec: PlotSpec) -> tuple[set[int], set[int]]:
    """Where there is a dot."""
    frame = fitted(spec)
    lines = [strip.text[frame.left :] for strip in draw_plot(spec, 80, 20, Look(palette()))][: frame.rows]
    dots = [(row, at) for row, line in enumerate(lines) for at, sign in enumerate(line) if "⠀" < sign <= "⣿"]
    return {row for row, _ in dots}, {round(100 * at / frame.columns) for _, at in dots}


@pytest.mark.parametrize("stroke", [Stroke.LINE, Stroke.DASHED, Stroke.DOTTED, Stroke.BAND])
def test_a_curve_ends_where_its_points_do(stroke: Stroke) -> None:
    spec = PlotSpec((Series("", X, X, stroke=stroke),), x_range=(-1000, 2000), y_range=(-1000, 2000))
    rows, columns = rows_and_columns(spec)
    assert (min(columns), max(columns)) == (pytest.approx(33, abs=3), pytest.approx(67, abs=3))
    assert (min(rows), max(rows)) == (6, 11)


def test_a_band_lies_between_its_extremes() -> None:
    noise = np.random.default_rng(0).uniform(0.4, 0.6, 1000)
    rows, columns = rows_and_columns(PlotSpec((Series("", X, noise, stroke=Stroke.BAND),), y_range=(0, 1)))
    assert (min(rows), max(rows)) == (7, 10)
    assert (min(columns), max(columns)) == (0, pytest.approx(99, abs=1))
