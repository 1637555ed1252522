"""The curve that a run is raced against, in its plots and as a lead: the published one, or that of an earlier run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core import events as ev
from core.errors import UsageError
from core.event_values import Curve, Published
from core.state import RunState
from tests.strategies import batches, epoch_ended, run_started
from tests.telling import Log
from tui import figures
from tui.ghost import PUBLISHED, Ghost, ghost_of_run, published_ghost
from tui.race import race_text
from tui.render.plot import PlotSpec
from tui.view import View, XUnit

TOP1 = Curve(metric="validation_top1", epochs=(1, 2, 4), values=(0.2, 0.4, 0.8))
TRAIN = Curve(metric="train_accuracy", epochs=(1, 3), values=(0.3, 0.9))
LOSS = Curve(metric="validation_loss", epochs=(1, 4), values=(4.0, 1.0))
RACE = Ghost(PUBLISHED, *(np.empty(0) for _ in range(4)))


def told(*events: ev.Event) -> RunState:
    """A second between one and the next."""
    return Log().tell(*events, after=1.0)


def curve(spec: PlotSpec, label: str) -> tuple[list[float], list[float]]:
    (found,) = (one.points for one in spec.series if one.label == label)
    return found[0].tolist(), found[1].tolist()


def running(*curves: Curve, seconds: float | None = None, steps: int = 4, **changes: float) -> RunState:
    """A run of 3 epochs of 4 steps, a second each, with published curves; its first epoch reached 50 %."""
    published = Published(summary="", curves=curves, seconds=seconds) if curves else None
    done = (batches(0, steps, seconds=steps), epoch_ended(1, steps, **changes))
    return told(run_started(published=published), *done)


def points(state: RunState, label: str, view: View) -> list[tuple[float, float]]:
    return list(zip(*curve(figures.accuracy(state, view), label), strict=True))


def test_the_published_curve_is_drawn_as_far_as_the_run_is_planned() -> None:
    assert points(running(TOP1, TRAIN), "published", View()) == [(4, 0.2), (8, 0.4)]


def test_where_no_validation_was_published_the_training_curve_is_shown_as_what_it_is() -> None:
    assert points(running(TRAIN), "published train", View()) == [(4, 0.3), (12, 0.9)]
    assert [one.label for one in figures.accuracy(running(LOSS), View()).series] == ["train", "val"]


def test_the_published_curve_is_drawn_once_in_a_race_and_to_its_end() -> None:
    state = running(TOP1)
    assert points(state, "published", View(ghost=RACE)) == [(4, 0.2), (8, 0.4), (16, 0.8)]
    earlier = Ghost("old", *(np.array([1.0]) for _ in range(4)))
    assert [one.label for one in figures.accuracy(state, View(ghost=earlier)).series] == ["old", "train", "val"]


def test_a_race_without_a_published_curve_draws_and_says_nothing() -> None:
    for state in (running(), running(TRAIN), told()):
        assert [one.label for one in figures.accuracy(state, View(ghost=RACE)).series] == ["train", "val"]
        assert race_text(state, View(ghost=RACE)) == race_text(state, View()) == ""


def test_published_epochs_took_equal_parts_of_the_published_time() -> None:
    state = running(TOP1, seconds=40.0)
    assert points(state, "published", View(XUnit.TIME, ghost=RACE)) == [(10, 0.2), (20, 0.4), (40, 0.8)]


def test_without_published_times_the_curve_keeps_the_pace_of_the_run() -> None:
    state = running(TOP1)
    x = [at for at, _ in points(state, "published", View(XUnit.TIME, ghost=RACE))]
    pace = state.step_seconds
    assert pace
    assert np.diff(x) == pytest.approx([4 * pace, 8 * pace])


def test_the_loss_is_raced_against_where_it_was_published() -> None:
    ghost = published_ghost(Published(summary="", curves=(LOSS, TOP1)))
    assert ghost is not None
    assert (ghost.epochs.tolist(), ghost.loss.tolist(), ghost.seconds.tolist()) == ([1, 2, 4], [4.0, 3.0, 1.0], [])
    assert curve(figures.loss(running(TOP1, LOSS), View(ghost=RACE)), "published")[1] == [4, 3, 1]
    assert all(math.isnan(loss) for loss in curve(figures.loss(running(TOP1), View(ghost=RACE)), "published")[1])


@pytest.mark.parametrize(("top1", "lead"), [(0.25, "5.0 points ahead"), (0.1, "10.0 points behind"), (0.2, "level")])
def test_the_lead_is_in_points_at_the_same_epoch(top1: float, lead: str) -> None:
    assert race_text(running(TOP1, top1=top1), View(ghost=RACE)) == lead


def test_the_lead_by_time_is_that_of_reaching_the_same_accuracy() -> None:
    state = running(TOP1, seconds=40.0, top1=0.4)
    (ended,) = [timed.seconds for timed in state.log if isinstance(timed.event, ev.EpochEnded)]
    assert race_text(state, View(XUnit.TIME, ghost=RACE)) == f"{20 - ended:.1f} s ahead"
    best = running(TOP1, seconds=40.0, top1=0.9)
    assert race_text(best, View(XUnit.TIME, ghost=RACE)) == "better than it ever was"
    assert race_text(running(TOP1, top1=0.4), View(XUnit.TIME, ghost=RACE)) == "20.0 points ahead"


def test_there_is_no_lead_by_time_where_the_log_no_longer_holds_when_the_best_epoch_ended() -> None:
    log = Log()
    log.tell(run_started(published=Published(summary="", curves=(TOP1,), seconds=40.0)), batches(0, 4))
    state = log.tell(epoch_ended(1, 4), *[ev.Notice(level="info", text="")] * 2000)
    assert race_text(state, View(XUnit.TIME, ghost=RACE)) == ""


def test_a_run_without_an_epoch_is_no_ghost() -> None:
    with pytest.raises(UsageError, match="begun cannot be raced against: no epoch of it has ended"):
        ghost_of_run("begun", told(run_started(), batches(0, 3)))


def test_there_is_no_lead_before_the_first_epoch_and_beyond_the_last_of_the_other() -> None:
    published = Published(summary="", curves=(TOP1,))
    assert race_text(told(run_started(published=published), batches(0, 3)), View(ghost=RACE)) == ""
    short = Ghost("short", np.array([1.0]), np.array([]), np.array([0.3]), np.array([1.0]))
    assert race_text(running(), View(ghost=short)) == "20.0 points ahead"
    later = told(run_started(), batches(0, 8), epoch_ended(1, 4), epoch_ended(2, 8))
    assert race_text(later, View(ghost=short)) == ""
