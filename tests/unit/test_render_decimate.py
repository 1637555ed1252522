"""Long curves keep their extremes, and smoothing is the moving average it says it is."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.render.decimate import band, min_max, smooth, smooth_at, visible

VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=0, max_size=300)


def reference_average(values: np.ndarray, weight: float) -> np.ndarray:
    result, total, norm = [], 0.0, 0.0
    for value in values:
        total, norm = total * weight, norm * weight
        if np.isfinite(value):
            total, norm = total + value, norm + 1
        result.append(total / norm if norm else np.nan)
    return np.array(result)


def test_no_more_than_two_points_a_column() -> None:
    x = np.arange(100_000.0)
    xs, ys = min_max(x, np.sin(x), 0, 99_999, 60)
    assert len(xs) == len(ys) == 120
    assert (np.diff(xs) > 0).all()


def test_extremes_of_every_column_survive() -> None:
    y = np.zeros(10_000)
    y[4321], y[777] = 9.0, -7.0
    _, ys = min_max(np.arange(10_000), y, 0, 9_999, 50)
    assert ys.max() == 9
    assert ys.min() == -7


def test_few_points_are_returned_as_they_are() -> None:
    xs, ys = min_max([1, 2, 3], [5.0, np.nan, np.inf], 0, 10, 60)
    assert xs.tolist() == [1, 2, 3]
    assert ys[0] == 5
    assert np.isnan(ys[1:]).all()


def test_a_line_runs_to_the_edges_of_the_view() -> None:
    xs, ys = min_max([100, 110, 120], [0, 100, 0], 105, 115, 60)
    assert xs.tolist() == [105, 110, 115]
    assert ys.tolist() == [50, 100, 50]


def test_a_view_between_two_points_still_shows_the_line() -> None:
    xs, ys = min_max([0, 10], [0, 100], 4, 6, 60)
    assert xs.tolist() == [4, 6]
    assert ys.tolist() == [40, 60]


def test_a_view_beside_the_data_is_empty() -> None:
    xs, _ = min_max(np.arange(1000), np.arange(1000), 5000, 6000, 10)
    assert len(xs) == 0


@given(VALUES, st.integers(1, 40), st.floats(-50, 400), st.floats(0.5, 500))
def test_any_values_give_points_within_the_view(values: list[float], columns: int, low: float, span: float) -> None:
    x = np.arange(len(values), dtype=float)
    xs, ys = min_max(x, values, low, low + span, columns)
    assert len(xs) == len(ys) <= 2 * columns
    assert ((xs >= low) & (xs <= low + span)).all()
    assert not np.isinf(ys).any()


@example(values=[math.inf, -math.inf], columns=1)
@example(values=[-math.inf, 1.0], columns=1)
@example(values=[math.inf, 1.0], columns=1)
@given(VALUES, st.integers(1, 40))
def test_a_band_holds_the_finite_extremes(values: list[float], columns: int) -> None:
    y = np.array(values, np.float64)
    found = band(np.arange(len(y)), y, 0, max(len(y) - 1, 1), columns)
    finite = y[np.isfinite(y)]
    assert len(found.x) == len(found.low) == len(found.high) <= columns
    if not len(finite):
        assert len(found.x) == 0
    else:
        assert found.low.min() == finite.min()
        assert found.high.max() == finite.max()
        assert (found.low <= found.high).all()


def test_a_band_of_one_value_is_that_value() -> None:
    found = band([3.0], [7.0], 0, 10, 10)
    assert (found.x.tolist(), found.low.tolist(), found.high.tolist()) == ([3.5], [7], [7])


def test_the_last_value_belongs_to_the_last_column() -> None:
    found = band(np.arange(11), np.arange(11), 0, 10, 10)
    assert found.high.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]


def test_a_spike_just_out_of_view_is_not_drawn_at_its_edge() -> None:
    y = np.zeros(1000)
    y[[299, 601]] = 9.0
    assert min_max(np.arange(1000), y, 300, 600, 10)[1].max() == 0
    assert band(np.arange(1000), y, 300, 600, 10).high.max() == 0


def test_a_band_beside_the_view_is_empty() -> None:
    assert len(band(np.arange(1000), np.arange(1000), 5000, 6000, 10).x) == 0
    assert len(band([], [], 0, 10, 10).x) == 0


def test_visible_takes_a_neighbour_on_either_side() -> None:
    x = np.arange(10.0)
    assert visible(x, 3, 5) == slice(2, 7)
    assert visible(x, -5, 50) == slice(0, 10)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("length", [1, 7, 1000])
def test_smoothing_is_the_debiased_moving_average(weight: float, length: int) -> None:
    y = np.random.default_rng(0).normal(5, 1, length)
    np.testing.assert_allclose(smooth(y, weight), reference_average(y, weight), rtol=1e-8)


def test_smoothing_passes_over_gaps() -> None:
    y = np.random.default_rng(0).normal(5, 1, 500)
    y[:3], y[100:120], y[300] = np.nan, np.inf, -np.inf
    np.testing.assert_allclose(smooth(y, 0.9), reference_average(y, 0.9), rtol=1e-6)


@given(VALUES, st.floats(0, 0.9999))
def test_smoothed_values_stay_within_the_finite_ones(values: list[float], weight: float) -> None:
    y = np.array(values, np.float64)
    smoothed = smooth(y, weight)
    assert len(smoothed) == len(y)
    finite = y[np.isfinite(y)]
    inside = smoothed[np.isfinite(smoothed)]
    if len(inside) and weight > 0:
        slack = 1e-6 * np.abs(finite).max() + 1e-30
        assert finite.min() - slack <= inside.min()
        assert inside.max() <= finite.max() + slack


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.98, 0.9999])
def test_smoothing_at_some_places_agrees_with_smoothing_everywhere(weight: float) -> None:
    y = np.random.default_rng(1).normal(2, 0.5, 20_000)
    y[5000:5010] = np.nan
    at = np.linspace(0, len(y) - 1, 77).astype(int)
    np.testing.assert_allclose(smooth_at(y, at, weight), smooth(y, weight)[at], rtol=1e-3)


def test_smoothing_nothing_gives_nothing() -> None:
    assert len(smooth([], 0.9)) == 0
    assert len(smooth_at([1.0], [], 0.9)) == 0
