"""The fold: what a run looks like after its events, at any moment."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import events as ev
from core.headless import confusion_lines
from core.rate import RATE_WINDOW_SECONDS
from core.state import RunState
from core.state_values import Best
from tests.strategies import batches, epoch_ended, evaluation, histories, run_started, snapshot
from tests.telling import ENDED, Log, train
from tui.classes import ClassHistory
from tui.confusion_view import ConfusionView
from tui.figures import learning_rate
from tui.narrate import summary
from tui.view import View

# -- properties of any history ----------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(history=histories())
def test_steps_are_strictly_increasing_and_times_never_run_back(history: list[ev.Record]) -> None:
    state = RunState()
    for record in history:
        before = state.seconds
        state.apply(record)
        assert state.seconds >= before
        assert (np.diff(state.batches["step"]) > 0).all()
        for axis in ("seconds", "elapsed", "images"):
            assert (np.diff(state.batches[axis]) >= 0).all(), axis
        numbers = [epoch.epoch for epoch in state.epochs]
        assert numbers == sorted(set(numbers))
        assert len(state.epoch_seconds) == len(numbers)
        assert state.epoch_seconds == sorted(state.epoch_seconds)


@settings(max_examples=50)
@given(history=histories())
def test_a_state_is_a_function_of_its_records(history: list[ev.Record]) -> None:
    first, second = RunState(), RunState()
    for record in history:
        first.apply(record)
        snapshot(first)  # looking at it changes nothing
    for record in history:
        second.apply(record)
    assert snapshot(first) == snapshot(second)


@settings(max_examples=50)
@given(history=histories(), data=st.data())
def test_steps_never_double_back_even_where_a_line_was_lost(history: list[ev.Record], data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, max(len(history) - 1, 0)))
    state = RunState()
    for record in history[:lost] + history[lost + 1 :]:
        state.apply(record)
    assert (np.diff(state.batches["step"]) > 0).all()
    numbers = [epoch.epoch for epoch in state.epochs]
    assert numbers == sorted(set(numbers))


@settings(max_examples=50)
@given(history=histories())
def test_what_is_trained_adds_up(history: list[ev.Record]) -> None:
    state = RunState()
    for record in history:
        state.apply(record)
    last = {name: float(state.batches[name][-1]) if len(state.batches) else 0.0 for name in ("elapsed", "images")}
    assert state.training_seconds == pytest.approx(last["elapsed"])
    assert state.num_images == pytest.approx(last["images"])
    assert state.num_images == 8 * len(state.batches)


# -- rows -------------------------------------------------------------------------------------------------------------


def test_every_step_is_a_row(started: Log) -> None:
    started.tell(
        ev.Batches(
            epoch=1, first_step=0, loss=[3.0, math.nan], lr=[0.1, 0.2], accuracy=[0.25, 0.5],
            gradient_norm=[1.0, math.inf], num_images=16, seconds=1.0,
        ),
        after=1.0,
    )  # fmt: skip
    train(started, 2, 2, seconds=4.0)
    rows = started.state.batches
    assert rows["step"].tolist() == [0, 1, 2, 3]
    assert rows["epoch"].tolist() == [1, 1, 1, 1]
    np.testing.assert_array_equal(rows["loss"], [3.0, math.nan, 1.0, 1.0])
    assert rows["gradient_norm"].tolist() == [1.0, math.inf, 2.0, 2.0]
    assert rows["lr"].tolist() == [0.1, 0.2, 0.1, 0.1]
    assert rows["accuracy"].tolist() == [0.25, 0.5, 0.5, 0.5]
    assert rows["elapsed"].tolist() == [0.5, 1.0, 3.0, 5.0]
    assert rows["seconds"].tolist() == [0.5, 1.0, 3.0, 5.0]
    assert rows["images"].tolist() == [8, 16, 24, 32]
    assert started.state.step == 4


def test_rows_grow_past_any_size(started: Log) -> None:
    for first in range(0, 5000, 700):
        train(started, first, 700, seconds=1.0)
    steps = started.state.batches["step"]
    assert steps.tolist() == list(range(5600))
    assert set(map(len, (started.state.batches[name] for name in ("loss", "seconds", "epoch")))) == {5600}


def test_an_empty_chunk_changes_nothing(started: Log) -> None:
    before = snapshot(started.state)
    started.state._add_batches(batches(0, 0))
    assert snapshot(started.state) == before


# -- rate and time to go ----------------------------------------------------------------------------------------------


def test_the_rate_is_of_training_time_alone(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(ev.Paused(step=4))
    started.tell(ev.Unpaused(step=4, seconds=1000.0), after=1000.0)
    train(started, 4, 4, seconds=2.0)
    state = started.state
    assert state.images_per_second == pytest.approx(64 / 4)
    assert state.mean_images_per_second == pytest.approx(64 / 4)
    assert state.training_seconds == 4.0
    assert state.seconds == 1004.0


def test_the_rate_shown_is_of_the_last_seconds(started: Log) -> None:
    train(started, 0, 4, seconds=100.0)
    for step in range(4, 14, 2):
        train(started, step, 2, seconds=RATE_WINDOW_SECONDS / 4)
    assert started.state.images_per_second == pytest.approx(64 / RATE_WINDOW_SECONDS)
    assert started.state.mean_images_per_second == pytest.approx(112 / (100 + 1.25 * RATE_WINDOW_SECONDS))


def test_nothing_is_known_of_the_rate_before_the_first_steps(started: Log) -> None:
    state = started.state
    assert (state.images_per_second, state.mean_images_per_second, state.step_seconds, state.eta_seconds) == (None,) * 4


def test_steps_that_took_no_measurable_time_give_no_rate(started: Log) -> None:
    train(started, 0, 4, seconds=0.0)
    assert started.state.images_per_second is None
    assert started.state.mean_images_per_second is None


def test_the_time_to_go_counts_steps_and_evaluations_and_no_pauses(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    assert started.state.eta_seconds == pytest.approx(8 * 0.5)  # nothing is known of evaluations yet
    started.tell(epoch_ended(1, 4, seconds=3.0), after=3.0)
    assert started.state.eta_seconds == pytest.approx(8 * 0.5 + 2 * 3.0)
    started.tell(ev.Paused(step=4))
    started.tell(ev.Unpaused(step=4, seconds=3600.0), after=3600.0)
    assert started.state.eta_seconds == pytest.approx(8 * 0.5 + 2 * 3.0)


def test_the_time_to_go_follows_a_change_of_epochs(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(
        ev.CommandHandled(
            command_id="a", name="epochs", argument="5", status="done", step=4, num_epochs=5, num_steps=20,
            plan=ev.LrPlan(steps=[4, 19], lr=[0.1, 0.0]),
        )
    )  # fmt: skip
    assert started.state.eta_seconds == pytest.approx(16 * 0.5)
    assert (started.state.num_epochs, started.state.num_steps) == (5, 20)
    assert started.state.plan == ev.LrPlan(steps=[4, 19], lr=[0.1, 0.0])


def test_a_run_that_has_ended_has_no_time_to_go(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(ev.RunEnded(status="stopped", step=4, epoch=0))
    assert started.state.eta_seconds is None


# -- best -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([], None),
        ([0.5, 0.7, 0.6], 2),
        ([0.5, 0.7, 0.7], 2),
        ([math.nan, 0.1], 2),
        ([0.3, math.nan, 0.2], 1),
        ([math.nan, math.nan], None),
        ([0.0], 1),
    ],
    ids=["none yet", "the highest", "the earliest of equals", "NaN first", "NaN between", "only NaN", "zero counts"],
)
def test_best(scores: list[float], best: int | None, started: Log) -> None:
    for epoch, top1 in enumerate(scores, 1):
        started.tell(epoch_ended(epoch, 4 * epoch, top1=top1))
    expected = None if best is None else Best(epoch=best, step=4 * best, top1=scores[best - 1])
    assert started.state.best == expected


def test_the_confusion_matrix_is_that_of_the_last_epoch(started: Log) -> None:
    assert started.state.confusion is None
    started.tell(epoch_ended(1, 4))
    confusion = started.state.confusion
    assert confusion is not None
    assert confusion.tolist() == [[1, 1], [0, 2]]
    assert confusion.dtype == np.int64


@pytest.mark.parametrize("size", [1, 3])
def test_a_confusion_that_does_not_fit_the_classes_tells_nothing(size: int, started: Log) -> None:
    odd = epoch_ended(1, 4)
    started.tell(msgspec.structs.replace(odd, validation=evaluation(confusion=[[1] * size] * size)))
    state = started.state
    assert state.confusion is not None
    assert state.confusion.tolist() == [[0, 0], [0, 0]]
    assert confusion_lines(state) == []
    assert [row.support for row in ClassHistory().rows(state)] == [0, 0]
    assert not ConfusionView().spec(state).matrix.any()
    assert "hardest" not in [label for label, _, _ in summary(started.tell(ENDED))]


# -- the plan and the end ---------------------------------------------------------------------------------------------


def test_a_plan_without_points_changes_nothing(started: Log) -> None:
    before = started.state.plan
    started.tell(ev.PlanChanged(step=0, reason="", plan=ev.LrPlan(steps=[], lr=[])))
    assert started.state.plan == before
    empty = run_started(plan=ev.LrPlan(steps=[], lr=[]))
    assert Log().tell(empty).plan is None
    assert learning_rate(Log().tell(empty), View()).notes == ()


def test_nothing_that_comes_after_the_end_takes_it_back(started: Log) -> None:
    started.tell(ENDED, ev.Paused(step=4), ev.Unpaused(step=4, seconds=1.0))
    assert started.state.status == "finished"


# -- the log ----------------------------------------------------------------------------------------------------------


def test_the_log_holds_what_a_person_reads_in_order(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    notice = ev.Notice(level="warning", text="the disk was full")
    started.tell(notice, ev.Heartbeat(step=4, last_step_age_seconds=0.0), after=1.0)
    started.tell(ev.RunEnded(status="stopped", step=4, epoch=0))
    told = started.state.log
    assert [entry.seconds for entry in told] == sorted(entry.seconds for entry in told)
    assert [type(entry.event) for entry in told][-2:] == [ev.Notice, ev.RunEnded]
    (entry,) = [entry for entry in told if entry.event == notice]
    assert entry.seconds == 3.0
    kinds = {type(entry.event) for entry in told}
    assert ev.RunEnded in kinds
    assert not kinds & {ev.Batches, ev.Heartbeat, ev.SystemSampled}


def test_the_log_and_the_samples_are_bounded(started: Log) -> None:
    for number in range(5000):
        started.tell(ev.Notice(level="info", text=str(number)), ev.SystemSampled(cpu_percent=1.0))
    assert len(started.state.log) < 5000
    assert len(started.state.system) < 5000
    assert started.state.log[-1].event == ev.Notice(level="info", text="4999")
