"""The drawing functions of the dashboard as pure functions, and where panes go."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core import events as ev
from core.metrics import ClassMetrics, class_metrics
from core.recipes import get_recipe
from core.state import RunState
from tests.ui.canned import Canned, ended, live
from tui import classes, figures
from tui.classes import ClassHistory
from tui.confusion_view import Against, ConfusionView
from tui.gallery import Gallery, inside
from tui.narrate import summary, tell, worth_telling
from tui.render.palettes import Depth, Look, palette
from tui.render.plot import draw_plot
from tui.source import LiveSource
from tui.status import Situation, badge, run_words, status_lines
from tui.view import Timeline, View, XUnit
from tui.widgets.drawn import changed_span
from tui.widgets.frame import Title, framed
from tui.widgets.keybar import Hint, key_line
from tui.widgets.log import wrap
from tui.widgets.overview import arrange

LOOK = Look(palette(), Depth.TRUECOLOR)


def fold(run: Canned) -> RunState:
    source = LiveSource(run.folder)
    source.advance()
    return source.state


# -- placing ----------------------------------------------------------------------------------------------------------


@given(
    width=st.integers(60, 320),
    height=st.integers(16, 120),
    num_classes=st.integers(0, 120),
    ended_=st.booleans(),
)
def test_panes_cover_the_screen_without_overlapping(width: int, height: int, num_classes: int, ended_: bool) -> None:
    covered = [[0] * width for _ in range(height)]
    for x, y, w, h in arrange(width, height, num_classes, ended=ended_).values():
        assert h >= 4
        for row in range(y, y + h):
            for column in range(x, x + w):
                covered[row][column] += 1
    assert all(count == 1 for row in covered for count in row)


@pytest.mark.parametrize(
    ("size", "num_panes"), [((60, 17), 3), ((80, 21), 4), ((120, 36), 6), ((200, 40), 6), ((200, 56), 9)]
)
def test_larger_screens_show_more_panes(size: tuple[int, int], num_panes: int) -> None:
    assert len(arrange(*size, 10)) == num_panes


@pytest.mark.parametrize("size", [(120, 36), (200, 56), (200, 57)])
def test_table_rows_hold_all_ten_classes(size: tuple[int, int]) -> None:
    places = arrange(*size, 10)
    assert places["confusion"][3] >= 13  # frame, head and ten classes
    assert places["classes"][3] >= 12


# -- small drawings ---------------------------------------------------------------------------------------------------


@given(width=st.integers(0, 60), height=st.integers(0, 8), name=st.text(max_size=30))
def test_frame_has_exactly_its_size(width: int, height: int, name: str) -> None:
    legend = Text("─ train", LOOK.style("train"))
    strips = framed([Strip([Segment("body")])], Title("Loss", legend=legend), width, height, LOOK)
    assert len(strips) == height
    assert all(strip.cell_length == width for strip in strips)


@given(
    st.lists(st.sampled_from("ab "), min_size=1, max_size=12), st.lists(st.sampled_from("ab "), min_size=1, max_size=12)
)
def test_changed_span_covers_every_difference(before: list[str], after: list[str]) -> None:
    length = min(len(before), len(after))
    old = Strip([Segment(c, Style()) for c in before[:length]])
    new = Strip([Segment(c, Style()) for c in after[:length]])
    span = changed_span(old, new)
    different = [index for index in range(length) if before[index] != after[index]]
    if span is None:
        assert not different
    else:
        assert span == (different[0], different[-1] + 1)


def test_key_line_leaves_out_the_least_needed_and_tells_where_the_others_are() -> None:
    hints = [Hint("a", "First", "a", rank=2), Hint("b", "Second", "b"), Hint("?", "Help", "help", rank=0)]
    strip, spots = key_line(hints, 20, LOOK)
    assert strip.text.split() == ["b", "Second", "?", "Help"]
    assert [strip.text[start:end] for start, end, _ in spots] == ["b Second", "? Help"]


@given(st.text(max_size=200), st.integers(1, 40))
def test_wrapped_text_fits(text: str, width: int) -> None:
    from rich.cells import cell_len

    pieces = wrap(text, width)
    assert all(cell_len(piece) <= max(width, 2) for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "") or not text.isascii()


def test_run_is_called_by_its_two_words() -> None:
    assert run_words("20251121-080000-c10-lenet-brisk-otter", "c10-lenet") == "brisk-otter"
    assert run_words("my-run", "c10-lenet") == "my-run"


# -- status -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
@pytest.mark.parametrize("kind", ["new", "live", "ended"])
def test_status_lines_fill_their_width(tmp_path: Path, width: int, kind: str) -> None:
    run = {"new": lambda: Canned(tmp_path), "live": lambda: live(tmp_path), "ended": lambda: ended(tmp_path)}[kind]()
    state = fold(run)
    situation = Situation("an-id", "c10-lenet", state.liveness(run.wall))
    assert [strip.cell_length for strip in status_lines(state, situation, width, LOOK)] == [width, width]


def test_the_status_has_room_for_a_folder_of_images_and_the_device(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    run.emit(msgspec.structs.replace(run._run_started(), dataset="folder:/home/somebody/collections/of/images/pets"))
    who, _ = status_lines(fold(run), Situation("an-id", "c10-lenet", "running"), 120, LOOK)
    assert " folder:pets · cuda:0 NVIDIA H100 · bfloat16 " in who.text


@pytest.mark.parametrize(("seconds_later", "word"), [(0.0, "TRAINING"), (19.0, "TRAINING"), (25.0, "SILENT 0:25")])
def test_badge_tells_how_alive_the_run_is(tmp_path: Path, seconds_later: float, word: str) -> None:
    run = live(tmp_path)
    state = fold(run)
    now = run.wall + seconds_later
    assert badge(state, Situation("", "", state.liveness(now), seconds_later))[1] == word


def test_badge_of_a_log_being_read_says_nothing_of_the_run(tmp_path: Path) -> None:
    state = fold(ended(tmp_path))
    assert badge(state, Situation("id", "recipe", "ended", reading=True))[1] == "READING THE LOG"


def test_stalled_run_is_told_from_a_silent_one(tmp_path: Path) -> None:
    run = live(tmp_path)
    run.emit(ev.Heartbeat(step=run.step, last_step_age_seconds=45.0), 45.0)
    state = fold(run)
    assert badge(state, Situation("", "", state.liveness(run.wall)))[1] == "STALLED"


@pytest.mark.parametrize("status", ["finished", "stopped", "preempted", "diverged", "failed"])
def test_every_ending_has_its_sign_and_summary(tmp_path: Path, status: str) -> None:
    run = Canned(tmp_path).start().epochs(1).end(status, "for a reason", 0)
    state = fold(run)
    sign, word, _ = badge(state, Situation("", "", state.liveness(run.wall)))
    assert word == status.upper()
    assert sign in "✓■✗"
    assert summary(state)[0][:2] == (status, "for a reason")


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


def test_map_of_superclasses_has_all_its_rows_where_half_blocks_make_room() -> None:
    assert arrange(120, 36, 20)["confusion"][3] == 13
    assert arrange(120, 36, 10)["confusion"][3] == 13, "ten classes have a line each"


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
    before = gallery.predictions(state)
    assert before is not None
    file = run.folder.path / str(state.epochs[-1].validation.predictions)
    written = file.stat().st_mtime_ns
    np.savez(file, predicted=9 - before.predicted, confidence=before.confidence)
    os.utime(file, ns=(written, written + 10**9))
    after = gallery.predictions(state)
    assert after is not None
    assert after.predicted.tolist() == (9 - before.predicted).tolist()


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


@pytest.mark.parametrize("path", ["../secret.npz", "/etc/passwd", "predictions/../../other/x.npz"])
def test_predictions_are_not_read_from_elsewhere(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        inside(tmp_path / "run", path)
