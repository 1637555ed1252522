"""Numbers of runs set beside each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core import events as ev
from core.compare import (
    CurvePoints,
    band,
    class_changes,
    curve,
    flat,
    only_one_right,
    seed_groups,
    setting_differences,
    time_to_reach,
)
from core.events import Record
from core.state import RunState
from tests.strategies import batches, epoch_ended, run_started
from tui.ghost import Ghost, ghost_of_run, lead


def run_of(*top1: float, seconds: float = 10.0) -> RunState:
    state = RunState()
    events = [run_started()]
    for epoch, value in enumerate(top1, start=1):
        events += [batches(4 * epoch - 4, 4, epoch=epoch, seconds=seconds), epoch_ended(epoch, 4 * epoch, top1=value)]
    for number, event in enumerate(events):
        mono = seconds * (number // 2)
        state.apply(Record(seq=number, wall=1e9 + mono, mono=mono, attempt=1, event=event))
    return state


def points(x: list[float], y: list[float]) -> CurvePoints:
    return CurvePoints(np.array(x), np.array(y))


@pytest.mark.parametrize(("along", "x"), [("step", [4, 8, 12]), ("epoch", [1, 2, 3]), ("time", [10, 20, 30])])
def test_curves_lie_along_steps_epochs_or_training_time(along: str, x: list[float]) -> None:
    found = curve(run_of(0.1, 0.2, 0.3), "top1", along)  # type: ignore[arg-type]
    assert found.x.tolist() == x
    assert found.y.tolist() == [0.1, 0.2, 0.3]
    losses = curve(run_of(0.1, 0.2, 0.3), "train_loss", along)  # type: ignore[arg-type]
    assert losses.x[-1] == x[-1]
    assert len(losses.x) == 12


def test_the_band_of_seeds_is_their_mean_and_range_at_each_epoch() -> None:
    found = band([points([1, 2, 3], [0.1, 0.4, 0.5]), points([1, 2, 3, 4], [0.3, 0.2, 0.9, 1.0])])
    assert found is not None
    assert found.x.tolist() == [1, 2, 3]
    np.testing.assert_allclose(found.mean, [0.2, 0.3, 0.7])
    assert found.low.tolist() == [0.1, 0.2, 0.5]
    assert found.high.tolist() == [0.3, 0.4, 0.9]


def test_curves_at_different_places_are_joined_on_common_ones() -> None:
    found = band([points([0, 10], [0, 10]), points([5, 15], [0, 0])])
    assert found is not None
    assert (found.x[0], found.x[-1]) == (5, 10)
    np.testing.assert_allclose(found.high, found.x)
    between = band([points([0, 10], [0, 10]), points([4, 6], [0, 0])])
    assert between is not None
    assert (between.x[0], between.x[-1]) == (4, 6)


def test_a_band_may_be_a_single_epoch_and_has_400_places_at_most() -> None:
    found = band([points([1], [0.1]), points([1, 2], [0.3, 0.4])])
    assert found is not None
    assert (found.x.tolist(), found.low.tolist(), found.high.tolist()) == ([1], [0.1], [0.3])
    ahead = band([points([1, 2, 3], [0.1, 0.2, 0.3]), points([1, 2], [0.3, 0.4])])
    assert ahead is not None
    assert ahead.x.tolist() == [1, 2]
    many = band([points(list(range(1000)), [0.5] * 1000)] * 2)
    assert many is not None
    assert len(many.x) == 400


def test_one_curve_or_two_that_never_meet_make_no_band() -> None:
    assert band([points([1, 2], [1, 2])]) is None
    assert band([points([1, 2], [1, 2]), points([3, 4], [1, 2])]) is None
    assert band([points([], []), points([3, 4], [1, 2])]) is None


def test_only_settings_that_differ_are_told() -> None:
    one = {"seed": 1, "optimizer": {"lr": 0.1, "name": "sgd"}, "augment": [{"type": "flip", "p": 0.5}], "at": [1, 2]}
    other = {"seed": 2, "optimizer": {"lr": 0.1, "name": "adam"}, "augment": [], "at": [1, 3]}
    assert setting_differences([one, other]) == [
        ("at", [[1, 2], [1, 3]]),
        ("augment", [["flip"], []]),
        ("augment.flip.p", [0.5, None]),
        ("optimizer.name", ["sgd", "adam"]),
        ("seed", [1, 2]),
    ]
    assert setting_differences([one, one, one]) == []
    assert flat(one)["optimizer.lr"] == 0.1


def test_the_order_of_augmentations_is_a_setting_and_each_counts() -> None:
    crop, small, large = {"type": "crop", "padding": 4}, {"type": "cutout", "size": 2}, {"type": "cutout", "size": 8}
    one, other, third = ({"augment": chosen} for chosen in ([crop, large], [large, crop], [crop, small, large]))
    assert setting_differences([one, other]) == [("augment", [["crop", "cutout"], ["cutout", "crop"]])]
    assert setting_differences([one, third]) == [
        ("augment", [["crop", "cutout"], ["crop", "cutout", "cutout"]]),
        ("augment.cutout.2.size", [None, 8]),
        ("augment.cutout.size", [8, 2]),
    ]
    assert seed_groups([one, other, third]) == [[0], [1], [2]]


def test_seeds_of_one_recipe_belong_together() -> None:
    def config(seed: int, lr: float = 0.1, recipe: str = "r") -> dict[str, object]:
        incidental = {"threads": seed, "checkpoint": {"keep": seed}, "data": {"evaluation_batch_size": seed}}
        return {"recipe": recipe, "seed": seed, "optimizer": {"lr": lr}, **incidental}

    assert seed_groups([config(1), config(2, lr=0.2), config(3), config(1, recipe="s")]) == [[0, 2], [1], [3]]


@given(arrays.arrays(np.int64, (2, 4, 4), elements=st.integers(0, 50)))
def test_gains_of_classes_are_differences_of_their_accuracy(counts: np.ndarray) -> None:  # type: ignore[type-arg]
    changes = class_changes(counts[0], counts[1])
    assert sorted(change.index for change in changes) == [0, 1, 2, 3]
    gains = [change.gain for change in changes if not np.isnan(change.gain)]
    assert gains == sorted(gains, reverse=True)
    back = {change.index: change.gain for change in class_changes(counts[1], counts[0])}
    assert all(np.isnan(change.gain) or change.gain == -back[change.index] for change in changes)


def test_classes_without_images_come_last() -> None:
    before, after = np.diag([0, 4, 4]), np.array([[0, 0, 0], [4, 0, 0], [0, 0, 4]])
    assert [change.index for change in class_changes(before, after)] == [2, 1, 0]


def test_images_that_one_gets_right_and_the_other_wrong() -> None:
    labels, one, other = (np.array(values) for values in ([0, 1, 2, 3], [0, 1, 0, 3], [0, 2, 2, 0]))
    assert only_one_right(labels, one, other).tolist() == [1, 3]
    assert only_one_right(labels, other, one).tolist() == [2]
    assert only_one_right(labels, one, other, np.array([0.9, 0.1, 0.9, 0.8])).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("goal", "seconds"), [(0.1, 10.0), (0.2, 20.0), (0.15, 15.0), (0.05, 10.0), (0.4, 40.0), (0.3, 30.0), (0.5, None)]
)
def test_when_a_curve_reaches_a_goal(goal: float, seconds: float | None) -> None:
    found = time_to_reach([10, 20, 30, 40], [0.1, 0.2, 0.15, 0.4], goal)
    assert found == (seconds and pytest.approx(seconds))


def test_a_run_is_ahead_of_its_ghost_by_time_or_by_points() -> None:
    ghost = ghost_of_run("slow", run_of(0.1, 0.2, 0.3, seconds=20.0))
    quick = run_of(0.1, 0.2, seconds=10.0)
    assert lead(quick, ghost, by_time=True) == "20.0 s ahead"
    assert lead(quick, ghost, by_time=False) == "level"
    assert lead(run_of(0.05), ghost, by_time=False) == "5.0 points behind"
    assert lead(run_of(0.9), ghost, by_time=True) == "better than it ever was"
    assert lead(RunState(), ghost, by_time=True) == ""


def test_an_epoch_that_was_trained_again_after_a_rollback_ended_when_it_was_over_for_good() -> None:
    ghost, state = ghost_of_run("steady", run_of(0.1, 0.2, 0.3)), run_of(0.1, 0.2)
    plan = ev.LrPlan(steps=[0, 12], lr=[0.1, 0.0])
    again = (
        (30.0, ev.RolledBack(from_step=4, from_epoch=1, reason="the loss became NaN", plan=plan)),
        (40.0, batches(4, 4, epoch=2, seconds=10.0)),
        (50.0, epoch_ended(2, 8, top1=0.3)),
    )
    for number, (mono, event) in enumerate(again, start=state.num_records):
        state.apply(Record(seq=number, wall=1e9 + mono, mono=mono, attempt=1, event=event))
    assert lead(state, ghost, by_time=True) == "20.0 s behind"
    assert ghost_of_run("again", state).seconds.tolist() == [10.0, 50.0]


def test_a_ghost_lies_by_epoch_or_by_time() -> None:
    ghost = Ghost("g", np.array([1.0, 2.0]), np.array([7.0, 9.0]), np.array([0.1, 0.2]), np.array([1.0, 2.0]))
    assert ghost.x(4, by_time=False).tolist() == [4.0, 8.0]
    assert ghost.x(4, by_time=True).tolist() == [7.0, 9.0]
