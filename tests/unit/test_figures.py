"""What the plots and the confusion map of a run show, as numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from core import events as ev
from core.state import RunState
from tests.strategies import batches, epoch_ended, evaluation, run_started
from tests.telling import told
from tests.ui.canned import Canned
from tui import figures
from tui.classes import ClassHistory
from tui.confusion_view import Against, ConfusionView
from tui.figures import plan_ahead
from tui.render.plot import PlotSpec, Series, layout, readout
from tui.source import LiveSource
from tui.view import Timeline, View, XUnit


def series(spec: PlotSpec, label: str) -> Series:
    (found,) = (one for one in spec.series if one.label == label)
    return found


def many_losses(*, wild: float, validation: float = 1.25) -> RunState:
    """A thousand steps between 1 and 2, of which one may be wild."""
    loss = [wild, *np.linspace(2.0, 1.0, 999).tolist()]
    ended = epoch_ended(1, 1000)
    ended = replace(ended, validation=replace(ended.validation, loss=validation))
    return told(run_started(steps_per_epoch=1000), replace(batches(0, 1000), loss=loss), ended)


def test_the_range_of_losses_is_cut_only_for_a_wild_batch_and_never_below_the_validation() -> None:
    assert figures.loss(many_losses(wild=2.5), View()).y_range is None
    cut = figures.loss(many_losses(wild=1e6), View()).y_range
    assert cut is not None
    assert 2.0 < cut[1] < 3.0
    with_validation = figures.loss(many_losses(wild=1e6, validation=8.0), View()).y_range
    assert with_validation == (0.0 if cut[0] == 0.0 else pytest.approx(1.0), 8.0)
    assert figures.loss(many_losses(wild=1e6), View(log_y=True)).y_range is None


def test_few_batches_or_none_that_is_finite_are_cut_nowhere() -> None:
    few = replace(batches(0, 8), loss=[1e6, *[1.0] * 7])
    assert figures.loss(told(run_started(steps_per_epoch=8), few), View()).y_range is None
    lost = replace(batches(0, 100), loss=[math.nan] * 100)
    assert figures.loss(told(run_started(steps_per_epoch=100), lost), View()).y_range is None


def test_losses_that_come_close_to_zero_are_shown_down_to_it() -> None:
    for least, low in ((0.05, 0.0), (1.0, 1.0)):
        loss = replace(batches(0, 1000), loss=[1e6, *np.linspace(2.0, least, 999).tolist()])
        cut = figures.loss(told(run_started(steps_per_epoch=1000), loss), View()).y_range
        assert cut is not None
        assert cut[0] == low


def test_rate_and_step_time_are_those_of_the_steps() -> None:
    state = told(run_started(), batches(0, 4, seconds=2.0))
    rate, milliseconds = (figure(state, View()).series[0].points for figure in (figures.throughput, figures.step_time))
    assert rate[1] == pytest.approx([16.0] * 3)
    assert milliseconds[1] == pytest.approx([500.0] * 3)
    assert rate[0].tolist() == milliseconds[0].tolist() == state.batches["step"][1:].tolist()


def test_a_rate_drawn_at_every_so_many_steps_is_no_other() -> None:
    state = told(run_started(steps_per_epoch=5000), batches(0, 5000, seconds=2500.0))
    rate = figures.throughput(state, View()).series[0].points[1]
    assert len(rate) < 5000
    assert rate == pytest.approx(16.0)


def test_top5_is_drawn_of_more_than_five_classes_with_a_gap_where_it_was_not_measured() -> None:
    measured = replace(epoch_ended(2, 8), validation=replace(evaluation(), top5=0.9))
    events = (batches(0, 4), epoch_ended(1, 4), batches(4, 4), measured)
    assert [one.label for one in figures.accuracy(told(run_started(), *events), View()).series] == ["train", "val"]
    state = told(run_started(classes=list("abcdef")), *events)
    first, second = series(figures.accuracy(state, View()), "top-5").points[1].tolist()
    assert math.isnan(first)
    assert second == 0.9


def test_validations_on_request_lie_between_those_of_epochs() -> None:
    asked = ev.Evaluated(epoch=1, step=6, validation=evaluation(0.625))
    state = told(run_started(), epoch_ended(1, 4), asked, epoch_ended(2, 8))
    steps, top1 = series(figures.accuracy(state, View()), "val").points
    assert (steps.tolist(), top1.tolist()) == ([4.0, 6.0, 8.0], [0.5, 0.625, 0.5])


def test_the_learning_rate_of_now_is_marked_and_a_plan_drawn_until_all_is_done() -> None:
    steps = replace(batches(0, 4), lr=[0.1, 0.09, 0.08, 0.07])
    for ended, planned in ((None, True), ("stopped", True), ("finished", False)):
        end = [ev.RunEnded(status=ended, step=4, epoch=1, reason="")] if ended else []  # type: ignore[arg-type]
        spec = figures.learning_rate(told(run_started(), steps, *end), View())
        assert [one.label for one in spec.series] == ["planned", "done"][not planned :]
        assert (spec.notes[0].x, spec.notes[0].y) == (4.0, 0.07)


def test_the_whole_plan_of_the_learning_rate_is_in_view_before_the_first_step_and_after() -> None:
    begun = figures.learning_rate(told(run_started()), View())
    assert (begun.x_range, begun.notes[0].y, series(begun, "planned").points[1][0]) == ((0.0, 12.0), 0.1, 0.1)
    assert figures.learning_rate(told(run_started(), batches(0, 4)), View()).x_range == (0.0, 12.0)
    assert layout(figures.learning_rate(told(), View()), 80, 20) is None


def test_curves_of_batches_begin_at_zero() -> None:
    state = told(run_started(), batches(0, 4))
    for figure in (figures.loss, figures.accuracy, figures.gradient_norm, figures.throughput):
        assert figure(state, View()).x_range == (0.0, 4.0)


def test_the_plan_ahead_begins_at_the_present_step() -> None:
    plan = ev.LrPlan(steps=[10, 20, 40], lr=[1.0, 0.5, 0.1])
    for step, ahead in (
        (15, ([15, 20, 40], [0.75, 0.5, 0.1])),
        (20, ([20, 40], [0.5, 0.1])),
        (5, ([10, 10, 20, 40], [1.0, 1.0, 0.5, 0.1])),
        (99, ([40], [0.1])),
    ):
        assert tuple(part.tolist() for part in plan_ahead(plan, step)) == ahead


def test_a_new_plan_is_drawn_to_its_own_end() -> None:
    state = told(run_started(), batches(0, 4))
    for last, end in ((100, 100.0), (8, 12.0)):
        spec = figures.new_plan(state, View(), ev.LrPlan(steps=[4, last], lr=[0.1, 0.0]))
        assert spec.x_range == (0.0, end)


def test_commands_that_were_done_are_marked_where_they_were_done() -> None:
    def handled(name: str, status: str) -> ev.CommandHandled:
        return ev.CommandHandled(command_id=name, name=name, status=status, step=4)  # type: ignore[arg-type]

    state = told(run_started(), batches(0, 4), handled("lr", "done"), handled("epochs", "refused"))
    assert [(mark.x, mark.letter) for mark in figures.loss(state, View()).marks] == [(4.0, "L")]
    assert [mark.x for mark in figures.loss(state, View(XUnit.TIME)).marks] == [2.0]


def test_a_pause_is_shaded_up_to_now() -> None:
    state = told(run_started(), batches(0, 4), ev.Paused(step=4), ev.Notice(level="info", text="still here"))
    (shade,) = figures.loss(state, View(XUnit.TIME)).shades
    assert shade.high - shade.low == 1.0


def test_the_window_is_what_is_seen_of_the_plan() -> None:
    assert figures.learning_rate(told(run_started(), batches(0, 4)), View(window=(1.0, 3.0))).x_range == (1.0, 3.0)


def test_few_steps_are_smoothed_little() -> None:
    for count, most in ((4, 0.5), (4000, 0.9)):
        state = told(run_started(steps_per_epoch=count), batches(0, count))
        assert series(figures.loss(state, View()), "train").smoothing == pytest.approx(most)


def test_loads_are_shares_and_what_the_machine_does_not_tell_is_no_curve() -> None:
    state = told(run_started(), ev.SystemSampled(cpu_percent=150.0, memory_bytes=1 << 20))
    assert [(one.label, one.points[1].tolist()) for one in figures.load(state, View()).series] == [("CPU", [1.5])]
    memory = [(one.label, one.points[1].tolist()) for one in figures.memory(state, View()).series]
    assert memory == [("process", [float(1 << 20)])]
    heat = figures.heat(state, View())
    assert (heat.series, heat.empty) == ((), "This device tells neither its temperature nor its power")
    assert "after two seconds" in figures.heat(told(run_started()), View()).empty


# -- the x-axis --------------------------------------------------------------------------------------------------------

WHOLE = (0.0, 100.0)


def test_zooming_keeps_its_place() -> None:
    for view, closer, window in (
        (View(), True, (50.0, 100.0)),
        (View(crosshair=20.0), True, (10.0, 60.0)),
        (View(window=(80.0, 100.0)), False, (60.0, 100.0)),
        (View(window=(50.0, 100.0)), False, None),
        (View(window=(0.0, 10.0)), True, (0.0, 10.0)),  # fewer steps would be no curve
        (View(XUnit.TIME, window=(0.0, 10.0)), True, (5.0, 10.0)),
    ):
        assert view.zoomed(WHOLE, closer).window == window


def test_a_window_is_moved_as_far_as_there_are_steps() -> None:
    for direction, low in ((-1, 35.0), (1, 45.0)):
        assert View(window=(40.0, 60.0)).panned(WHOLE, direction).window == (low, low + 20)
    assert View(window=(90.0, 100.0)).panned(WHOLE, 1).window == (90.0, 100.0)
    assert View(window=(40.0, 60.0), crosshair=50.0).next_x_unit() == View(XUnit.EPOCH)


def test_the_crosshair_reads_the_point_on_which_it_stands() -> None:
    spec = figures.accuracy(epochs_of(0.25, 0.75), View())
    assert [[one.y for one in readout(spec, x) if one.series.label == "val"] for x in (3.0, 4.0, 7.5, 8.0)] == [
        [], [0.25], [0.25], [0.75],
    ]  # fmt: skip


def test_steps_to_come_are_reckoned_from_now_at_the_present_pace() -> None:
    state = told(run_started(), batches(0, 4, seconds=2.0), ev.Notice(level="info", text="a second later"))
    known = state.batches["step"][-1]
    assert Timeline(state, XUnit.TIME).at([known, known + 4]).tolist() == [1.0, 4.0]
    assert Timeline(state, XUnit.EPOCH).axis.per == 4


# -- classes -----------------------------------------------------------------------------------------------------------


def test_a_row_of_a_class_is_of_the_last_epoch_and_changes_since_the_one_before() -> None:
    matrices = ([[0, 2], [2, 0]], [[1, 1], [0, 2]], [[2, 0], [1, 1]])
    ended = [
        replace(epoch_ended(number, 4 * number), validation=evaluation(confusion=matrix))
        for number, matrix in enumerate(matrices, start=1)
    ]
    cat, dog = ClassHistory().rows(told(run_started(), *ended))
    assert (cat.accuracy, cat.change, cat.precision, cat.f1, cat.support) == (1.0, 0.5, 2 / 3, 0.8, 2)
    assert (dog.accuracy, dog.change, dog.precision, dog.f1, dog.support) == (0.5, -0.5, 1.0, 2 / 3, 2)
    assert (cat.confused_with, dog.confused_with, dog.confused_share) == (None, 0, 0.5)
    assert (cat.trend, cat.superclass) == ((0.0, 0.5, 1.0), "")


# -- the confusion map -------------------------------------------------------------------------------------------------


def epochs_of(*top1: float) -> RunState:
    return told(run_started(), *(epoch_ended(number, 4 * number, top1=one) for number, one in enumerate(top1, start=1)))


def test_an_epoch_is_compared_with_the_one_before_the_first_or_the_best() -> None:
    state = epochs_of(0.25, 0.75, 0.5, 0.625)
    for epoch, against in ((None, (3, 1, 2)), (3, (2, 1, 2)), (99, (3, 1, 2))):
        view = ConfusionView(epoch=epoch)
        assert view.shown_epoch(state) == (epoch if epoch == 3 else 4)
        kinds = (Against.PREVIOUS, Against.FIRST, Against.BEST)
        assert tuple(ConfusionView(epoch=epoch, against=kind).baseline_epoch(state) for kind in kinds) == against


def test_the_cell_under_the_cursor_is_actual_by_predicted_of_the_epoch_shown() -> None:
    state = epochs_of(0.5, 0.5)
    subject = ConfusionView(cursor=(0, 0), epoch=1).moved(0, 1, 2).subject(state)
    assert subject is not None
    assert (subject.actual, subject.predicted, subject.title, subject.epoch) == ({0}, {1}, "cat → dog", 1)
    assert ConfusionView().moved(5, 7, 2).cursor == (1, 1)
    assert ConfusionView(cursor=(1, 1)).moved(-1, 0, 2).cursor == (0, 1)


def test_a_hundred_classes_are_grouped_unless_asked_otherwise_and_a_group_opens(tmp_path: Path) -> None:
    source = LiveSource(Canned(tmp_path, 100).start().epochs(1).folder)
    source.advance()
    state = source.state
    sizes = [len(ConfusionView(by_superclass=by).groups(state)) for by in (None, True, False)]
    assert sizes == [20, 20, 100]
    name, members = ConfusionView().groups(state)[3]
    assert state.run is not None
    assert name == state.run.superclasses[3]
    assert frozenset.union(*(own for _, own in ConfusionView(opened=3).groups(state))) == members
