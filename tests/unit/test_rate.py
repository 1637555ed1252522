"""The rate of the last seconds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rate import RATE_WINDOW_SECONDS, RecentRate


@given(taken=st.lists(st.integers(1, 24).map(lambda eighths: eighths / 8), min_size=1, max_size=80))
def test_the_rate_is_that_of_the_last_chunks_that_fill_the_window(taken: list[float]) -> None:
    rate = RecentRate()
    for number, seconds in enumerate(taken):
        rate.add(2, number, seconds)
    first = 0
    while sum(taken[first + 1 :]) > RATE_WINDOW_SECONDS:
        first += 1
    assert rate.images_per_second == pytest.approx(sum(range(first, len(taken))) / sum(taken[first:]))
    assert rate.step_seconds == pytest.approx(sum(taken[first:]) / (2 * (len(taken) - first)))


def test_times_that_are_no_times_tell_nothing() -> None:
    rate = RecentRate()
    for seconds in (math.nan, math.inf, -math.inf):
        rate.add(1, 100, seconds)
    assert rate.images_per_second is None
    assert rate.step_seconds is None
    rate.add(1, 100, 0.5)
    assert rate.images_per_second == 200


def test_a_time_too_long_to_add_others_to_is_the_rate_on_its_own() -> None:
    rate = RecentRate()
    for seconds in (4.1, 4.1, 1e17):  # which ends in a sum of 1e17 + 16
        rate.add(1, 100, seconds)
    assert rate.step_seconds == 1e17


def test_a_copy_goes_its_own_way() -> None:
    rate = RecentRate()
    rate.add(1, 100, 1.0)
    other = rate.copy()
    other.add(1, 300, 1.0)
    assert (rate.images_per_second, other.images_per_second) == (100, 200)
    other.add(1, 450, RATE_WINDOW_SECONDS - 0.5)
    assert other.images_per_second == pytest.approx(750 / (RATE_WINDOW_SECONDS + 0.5)), "the first second is over"
