"""Metrics of steps: every one of them, in order, in chunks, and sums that are exact."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import meter as meter_module
from core.events import Batches
from core.meter import CHUNK_SECONDS, Meter, Totals, steps_within

CPU = torch.device("cpu")


class Clock:
    """Stands in for `time.perf_counter`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(meter_module.time, "perf_counter", clock)
    return clock


@pytest.fixture
def meter(clock: Clock) -> Meter:
    meter = Meter(CPU)
    meter.start()
    return meter


def record(meter: Meter, step: int, *, loss: float = 1.0, correct: int = 2, norm: float = 3.0, images: int = 4) -> None:
    meter.record(step, torch.tensor([loss, correct, norm]), lr=0.1 * (step + 1), num_images=images)


def steps(chunks: list[Batches]) -> list[int]:
    return [step for chunk in chunks for step in range(chunk.first_step, chunk.first_step + len(chunk.loss))]


def test_what_preparing_batches_took_is_told_apart(meter: Meter, clock: Clock) -> None:
    for step in range(2):
        with meter.preparing():
            clock.now += 0.25
        clock.now += 1.0
        record(meter, step)
    (chunk,) = meter.flush(epoch=1)
    assert (chunk.seconds, chunk.data_seconds) == (2.5, 0.5)


def test_a_chunk_holds_all_of_its_steps(meter: Meter, clock: Clock) -> None:
    for step in range(3):
        record(meter, 7 + step, loss=step + 0.5, correct=step, norm=10.0 * step, images=4)
    clock.now += 0.5
    assert meter.flush(epoch=2) == [
        Batches(
            epoch=2, first_step=7, loss=[0.5, 1.5, 2.5], lr=[0.8, 0.9, 1.0], accuracy=[0.0, 0.25, 0.5],
            gradient_norm=[0.0, 10.0, 20.0], num_images=12, seconds=0.5,
        )
    ]  # fmt: skip


def test_a_chunk_is_closed_by_its_age(meter: Meter, clock: Clock) -> None:
    record(meter, 0)
    clock.now += CHUNK_SECONDS / 2
    assert meter.take(1) == []
    record(meter, 1)
    clock.now += CHUNK_SECONDS / 2
    first = meter.take(1)
    record(meter, 2)
    assert meter.take(1) == []
    clock.now += CHUNK_SECONDS
    second = meter.take(1)
    assert (steps(first), steps(second)) == ([0, 1], [2])
    assert [chunk.seconds for chunk in first + second] == pytest.approx([CHUNK_SECONDS, CHUNK_SECONDS])


def test_on_a_slow_device_at_most_one_chunk_is_under_way_when_the_next_is_closed(
    meter: Meter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter_module._Mark, "reached", lambda self: False)
    seen = []
    for step in range(4):
        record(meter, step)
        clock.now += CHUNK_SECONDS
        seen.append(steps(meter.take(1)))
    assert seen == [[], [0], [1], [2]]
    assert steps(meter.flush(1)) == [3]


@given(
    waits=st.lists(st.sampled_from([0.0, 0.01, 0.15, 0.5]), max_size=30),
    flushes=st.sets(st.integers(0, 30)),
)
def test_no_step_is_lost_or_told_twice(waits: list[float], flushes: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(meter_module.time, "perf_counter", clock)
        meter = Meter(CPU)
        meter.start()
        chunks: list[Batches] = []
        for step, wait in enumerate(waits):
            record(meter, step)
            clock.now += wait
            chunks += meter.take(1)
            if step in flushes:
                chunks += meter.flush(1)
                clock.now += 100.0  # an evaluation, a pause: no training time
                meter.start()
        chunks += meter.flush(1)
        assert steps(chunks) == list(range(len(waits)))
        assert sum(chunk.num_images for chunk in chunks) == 4 * len(waits)
        assert sum(chunk.seconds for chunk in chunks) == pytest.approx(sum(waits), abs=1e-5)
        assert meter.totals.seconds == pytest.approx(sum(waits), abs=1e-5)
        assert all(chunk.loss for chunk in chunks), "an empty chunk says nothing"


def test_a_chunk_is_closed_before_the_ring_is_full_twice(meter: Meter, clock: Clock) -> None:
    capacity = meter._ring.shape[0]
    chunks: list[Batches] = []
    for step in range(2 * capacity + 3):
        record(meter, step, loss=float(step))
        chunks += meter.take(1)
    chunks += meter.flush(1)
    assert [value for chunk in chunks for value in chunk.loss] == [
        float(f"{step:.6g}") for step in range(2 * capacity + 3)
    ]


def test_time_between_flush_and_start_does_not_count(meter: Meter, clock: Clock) -> None:
    record(meter, 0)
    clock.now += 1.0
    meter.flush(1)
    clock.now += 50.0
    meter.start()
    record(meter, 1)
    clock.now += 2.0
    assert [chunk.seconds for chunk in meter.flush(1)] == [2.0]
    assert meter.totals.seconds == 3.0


def test_a_flush_of_nothing_is_nothing(meter: Meter) -> None:
    assert meter.flush(1) == []
    assert meter.take(1) == []
    assert meter.totals == Totals()


def test_totals_are_exact_sums_over_images(meter: Meter, clock: Clock) -> None:
    """A last batch that is smaller weighs less."""
    losses = [0.1, 0.7, 1e-8, 3.3]
    for step, (loss, images) in enumerate(zip(losses, [64, 64, 64, 7], strict=True)):
        record(meter, step, loss=loss, correct=5, images=images)
        clock.now += CHUNK_SECONDS * (step % 2)
        meter.take(1)
    meter.flush(1)
    expected = 0.0
    for loss, images in zip(torch.tensor(losses).tolist(), [64, 64, 64, 7], strict=True):
        expected += loss * images
    assert (meter.totals.loss, meter.totals.correct, meter.totals.images) == (expected, 20.0, 199)


def test_totals_do_not_depend_on_where_chunks_are_cut(clock: Clock) -> None:
    losses = torch.rand(50, generator=torch.Generator().manual_seed(3)).tolist()
    totals = []
    for every in (1, 7, 50):
        meter = Meter(CPU)
        meter.start()
        for step, loss in enumerate(losses):
            record(meter, step, loss=loss)
            if step % every == every - 1:
                meter.flush(1)
                meter.start()
        meter.flush(1)
        totals.append((meter.totals.loss, meter.totals.correct, meter.totals.images))
    assert totals[0] == totals[1] == totals[2]


def test_the_ring_keeps_no_graph_alive(meter: Meter) -> None:
    meter.record(0, torch.tensor([1.0, 2.0, 3.0], requires_grad=True) * 2, lr=0.1, num_images=4)
    assert not meter._ring.requires_grad
    assert meter.flush(1)[0].loss == [2.0]


def test_numbers_that_are_not_finite_arrive_as_such(meter: Meter, clock: Clock) -> None:
    record(meter, 0, loss=math.nan, norm=math.inf)
    (chunk,) = meter.flush(1)
    assert math.isnan(chunk.loss[0])
    assert chunk.gradient_norm == [math.inf]
    assert math.isnan(meter.totals.loss)


def test_a_chunk_on_its_way_keeps_its_numbers_while_the_ring_is_written_again(
    meter: Meter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter_module._Mark, "reached", lambda self: False)
    record(meter, 0, loss=1.0)
    clock.now += CHUNK_SECONDS
    meter.take(1)
    record(meter, 1, loss=2.0)
    assert [chunk.loss for chunk in meter.flush(1)] == [[1.0], [2.0]]


def test_what_is_discarded_is_never_told(meter: Meter, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module._Mark, "reached", lambda self: False)
    record(meter, 0)
    clock.now += CHUNK_SECONDS
    assert meter.take(1) == []
    record(meter, 1)
    meter.discard()
    assert meter.flush(1) == []
    meter.start()
    record(meter, 5)
    assert steps(meter.flush(1)) == [5]


@pytest.mark.parametrize(
    ("took_seconds", "fitting"), [(1.0, 10), (0.1, 100), (1e-12, 4096), (0.0, 4096), (1e6, 1)], ids=str
)
def test_a_chunk_on_a_gpu_ends_after_the_steps_that_fit_into_its_time(took_seconds: float, fitting: int) -> None:
    assert steps_within(0.1, 100, took_seconds) == fitting
