"""What the plots, the tables, the images and the log of a dashboard take from a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from core import events as ev
from core.metrics import ClassMetrics, class_metrics
from core.recipes import get_recipe
from core.runfolder import RunFolder
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import fold
from tui import classes, figures
from tui.classes import ClassHistory
from tui.confusion_view import Against, ConfusionView
from tui.gallery import Gallery
from tui.narrate import tell, worth_telling
from tui.render.palettes import Depth, Look, palette
from tui.render.plot import draw_plot
from tui.view import Timeline, View, XUnit

LOOK = Look(palette(), Depth.TRUECOLOR)

# -- plots ------------------------------------------------------------------------------------------------------------

FIGURES = [
    figures.loss, figures.accuracy, figures.learning_rate, figures.gradient_norm, figures.throughput, figures.load,
    figures.memory, figures.heat, figures.step_time,
]  # fmt: skip


@pytest.mark.parametrize("unit", list(XUnit))
@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.__name__)
def test_figures_draw_at_every_stage_of_a_run(tmp_path: Path, figure: figures.Figure, unit: XUnit) -> None:
    stages = {
        "none": Canned(tmp_path / "a"),
        "started": Canned(tmp_path / "b").start(),
        "one step": Canned(tmp_path / "c").start().train(1),
        "live": live(tmp_path / "d"),
        "ended": ended(tmp_path / "e"),
    }
    for run in stages.values():
        state = fold(run)
        for view in (View(unit), View(unit, log_y=True, smoothing=0.0), View(unit, window=(1.0, 3.0), crosshair=2.0)):
            strips = draw_plot(figure(state, view), 50, 12, LOOK)
            assert [strip.cell_length for strip in strips] == [50] * 12


def test_non_finite_losses_leave_the_plot_standing(tmp_path: Path) -> None:
    run = Canned(tmp_path).start().train(100)
    run.emit(msgspec.structs.replace(run._batches(3), loss=[1e30, float("nan"), float("inf")]))
    state = fold(run)
    spec = figures.loss(state, View())
    assert spec.y_range is not None
    assert spec.y_range[1] < 10  # a wild batch does not press all others flat
    draw_plot(spec, 60, 12, LOOK)


def test_time_axis_shades_pauses_and_steps_do_not(tmp_path: Path) -> None:
    state = fold(live(tmp_path))
    assert len(figures.loss(state, View(XUnit.TIME)).shades) == 1
    assert not figures.loss(state, View()).shades


def test_future_steps_lie_after_the_present(tmp_path: Path) -> None:
    state = fold(live(tmp_path))
    line = Timeline(state, XUnit.TIME)
    past, now, future = line.at([100, state.step, 1000]).tolist()
    assert past < now < future


def test_published_curve_runs_beside_the_run(tmp_path: Path) -> None:
    spec = figures.accuracy(fold(live(tmp_path)), View())
    ghost = next(series for series in spec.series if series.label == "published")
    assert ghost.points[0][0] == 100  # the end of the first epoch
    assert ghost.points[1][0] == pytest.approx(0.4942)


def test_where_only_training_accuracy_was_published_that_runs_beside_the_run(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    run.recipe = get_recipe("c100-cnn")
    spec = figures.accuracy(fold(run.start().epochs(2)), View())
    ghost = next(series for series in spec.series if series.label == "published train")
    assert ghost.points[1][0] == pytest.approx(0.0919)


# -- tables and logs --------------------------------------------------------------------------------------------------


def test_class_rows_follow_the_epochs_and_a_rewind(tmp_path: Path) -> None:
    run = Canned(tmp_path).start().epochs(3)
    history, state = ClassHistory(), fold(run)
    rows = history.rows(state)
    assert [len(row.trend) for row in rows] == [3] * 10
    assert rows[0].published == 0.777
    assert history.rows(state) is rows
    state.epochs = state.epochs[:2]
    assert [len(row.trend) for row in history.rows(state)] == [2] * 10


def test_class_rows_of_a_long_run_cost_one_epoch_an_epoch_forwards_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def measuring(confusion: NDArray[np.int64]) -> ClassMetrics:
        measured.append(len(confusion))
        return class_metrics(confusion)

    run = Canned(tmp_path, num_epochs=60, steps_per_epoch=10).start().epochs(60)
    state, history = fold(run), ClassHistory()
    every, costs = state.epochs, []
    for count in (58, 59, 58, 57):
        state.epochs = every[:count]
        anew = ClassHistory().rows(state)
        with monkeypatch.context() as patched:
            patched.setattr(classes, "class_metrics", measuring)
            assert history.rows(state) == anew
        costs.append(len(measured))
        measured.clear()
    assert costs == [40, 1, 1, 1], "the trend shows 40 epochs"


def test_images_follow_an_epoch_that_was_trained_again(tmp_path: Path) -> None:
    run = live(tmp_path, with_images=True)
    gallery, state = Gallery(run.folder), fold(run)
    images = gallery.images(state)
    assert images is not None
    before = gallery.predictions(state, images)
    assert before is not None
    file = run.folder.path / str(state.epochs[-1].validation.predictions)
    written = file.stat().st_mtime_ns
    np.savez(file, predicted=9 - before.predicted, confidence=before.confidence)
    os.utime(file, ns=(written, written + 10**9))
    after = gallery.predictions(state, images)
    assert after is not None
    assert after.predicted.tolist() == (9 - before.predicted).tolist()


def test_where_a_run_was_copied_without_its_images_it_is_said_what_to_copy(tmp_path: Path) -> None:
    run = live(tmp_path / "runs", with_images=True)
    shutil.copytree(run.folder.path, tmp_path / "elsewhere" / "run")
    gallery = Gallery(RunFolder(tmp_path / "elsewhere" / "run"))
    assert gallery.images(fold(run)) is None
    assert f"there is no {tmp_path}/elsewhere/.images/" in gallery.problem
    assert gallery.problem.endswith("copy the folder .images along with a run")


def test_log_drops_what_an_answer_made_superfluous(tmp_path: Path) -> None:
    run = Canned(tmp_path).start()
    run.command("checkpoint", message="saved")
    run.emit(
        ev.CommandHandled(command_id="x", name="evaluate", status="received", step=0),
    )
    told = [tell(timed)[2] for timed in worth_telling(fold(run))]
    assert "checkpoint: saved" in told
    assert not any(line.startswith("checkpoint asked for") for line in told)
    assert "evaluate asked for" in told


def test_log_says_why_and_where_to_a_run_went_back(tmp_path: Path) -> None:
    run = Canned(tmp_path).start()
    plan = ev.LrPlan(steps=[0], lr=[0.1])
    run.emit(ev.RolledBack(from_step=0, from_epoch=0, reason="diverged: back to step 0", plan=plan))
    assert tell(fold(run).log[-1]) == ("!", "warn", "diverged: back to step 0")


def test_confusion_of_superclasses_counts_every_image_once(tmp_path: Path) -> None:
    state = fold(live(tmp_path, 100))
    view = ConfusionView()
    counts = view.counts(state, view.shown_epoch(state))
    assert counts is not None
    assert counts.shape == (20, 20)
    assert counts.sum() == 2000


def test_comparison_waits_for_an_earlier_epoch(tmp_path: Path) -> None:
    one = fold(Canned(tmp_path / "a").start().epochs(1))
    assert ConfusionView(against=Against.PREVIOUS).baseline_epoch(one) is None
    two = fold(Canned(tmp_path / "b").start().epochs(2))
    assert ConfusionView(against=Against.PREVIOUS).baseline_epoch(two) == 1
