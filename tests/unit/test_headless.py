"""The lines of a batch job's log: of its events, of its epochs, and its summary."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from core import events as ev
from core.headless import describe_event, duration, epoch_line, printable, summary_lines
from tests.strategies import batches, epoch_ended, evaluation, run_started
from tests.telling import ENDED, EPOCH, STARTED, Log, told

# -- lines ------------------------------------------------------------------------------------------------------------


def test_an_epoch_is_a_line() -> None:
    state = told(*STARTED, batches(0, 4, seconds=4.0), EPOCH)
    assert epoch_line(EPOCH, state) == (
        "epoch 1/3  train loss 1.5000 acc 25.00%  validation loss 1.2500 top-1 75.00%, top-5 95.00%  lr 0.0125  "
        "1,234 img/s  ETA 0:12  best"
    )


def test_an_epoch_that_is_not_the_best_and_has_no_top5() -> None:
    state = told(*STARTED, EPOCH, second := epoch_ended(2, 8, top1=0.5))
    line = epoch_line(second, state)
    assert "best" not in line
    assert "top-5" not in line


def test_an_epoch_of_nan_is_a_line_too() -> None:
    state = told(*STARTED, epoch := epoch_ended(1, 4, top1=math.nan))
    assert "top-1 nan%" in epoch_line(epoch, state)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ev.PhaseChanged(phase="loading_data", detail="cifar10"), "loading data: cifar10"),
        (ev.PhaseChanged(phase="warming_up"), "warming up"),
        (
            ev.CommandHandled(command_id="a", name="lr", argument="0.5", status="done", step=3, message="halved"),
            "lr 0.5 done: halved",
        ),
        (
            ev.CommandHandled(command_id="a", name="pause", status="refused", step=3, message="paused already"),
            "pause refused: paused already",
        ),
        (
            ev.CheckpointSaved(step=3, epoch=0, path="checkpoints/step-3", reason="command", num_bytes=3 << 20),
            "checkpoint checkpoints/step-3 (3.0 MiB)",
        ),
        (
            ev.CheckpointSaved(step=3, epoch=0, path="checkpoints/step-3", reason="stop", num_bytes=1 << 20),
            "checkpoint checkpoints/step-3 (1.0 MiB)",
        ),
        (ev.Paused(step=3), "paused at step 3"),
        (ev.Unpaused(step=3, seconds=2.0), "goes on after 2.0 s"),
        (
            ev.Resumed(attempt=2, from_step=8, from_epoch=2, checkpoint="step-00000008"),
            "attempt 2 goes on from step 8 (step-00000008)",
        ),
        (
            ev.Resumed(attempt=2, from_step=0, from_epoch=0, checkpoint="", lr_scale=2.0),
            "attempt 2 goes on from step 0, learning rate ×2",
        ),
        (ev.PlanChanged(step=3, reason="a plateau", plan=ev.LrPlan(steps=[], lr=[])), "learning rate: a plateau"),
        (
            ev.Evaluated(epoch=1, step=3, validation=evaluation()),
            "evaluated at step 3: validation loss 1.2500 top-1 50.00%",
        ),
        (ev.Notice(level="warning", text="the disk was full"), "warning: the disk was full"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_happens_now_and_then_is_a_line(event: ev.Event, line: str) -> None:
    assert describe_event(event) == [line]


def test_one_epoch_and_one_step_are_told_in_the_singular() -> None:
    said = [describe_event(run_started(num_epochs=number, steps_per_epoch=1))[-1] for number in (1, 2)]
    assert [line.partition(" of ")[0] for line in said] == ["1 epoch, 1 step", "2 epochs, 2 steps"]


@pytest.mark.parametrize(
    "event",
    [
        batches(0, 4),
        ev.Heartbeat(step=1, last_step_age_seconds=1.0),
        ev.SystemSampled(),
        ev.PhaseChanged(phase="training"),
        ev.CommandHandled(command_id="a", name="pause", status="received", step=3),
        ev.CheckpointSaved(step=3, epoch=0, path="p", reason="epoch"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_the_steady_stream_is_silent(event: ev.Event) -> None:
    assert describe_event(event) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (9.6, "0:10"),
        (59.6, "1:00"),
        (192, "3:12"),
        (3599.7, "1:00:00"),
        (3723, "1:02:03"),
        (360_000, "100:00:00"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 猫, 100 %", "plain, naïve, 猫, 100 %"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("two\nlines\rover\ttab", "two\ufffdlines\ufffdover\ufffdtab"),
        ("\x9b31m \x7f", "\ufffd31m \ufffd"),
        ("\u202eesrever", "\ufffdesrever"),
        ("caf\udce9", "caf\ufffd"),
    ],
    ids=["harmless", "colours", "white space", "C1 controls", "direction", "half a surrogate pair"],
)
def test_nothing_from_outside_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


# -- the summary ------------------------------------------------------------------------------------------------------


def test_the_summary_says_how_it_went_what_is_hard_and_where_it_is() -> None:
    published = ev.Published(summary="75.8 % after 30 epochs")
    worse = ev.EpochEnded(
        epoch=2, step=8, train_loss=1.5, train_accuracy=0.25, lr=0.1, seconds=4.0, images_per_second=8.0,
        validation=ev.Evaluation(loss=2.0, top1=0.5, top5=None, confusion=[[1, 3], [1, 3]], seconds=2.0),
    )  # fmt: skip
    state = told(run_started(published=published), batches(0, 4, seconds=4.0), EPOCH, worse, ENDED)
    assert summary_lines(state, Path("/runs/r")) == [
        "finished: all epochs are done",
        "best validation top-1 75.00% (epoch 1), last validation loss 2.0000 top-1 50.00%",
        "hardest classes: cat 25.0%, dog 75.0%",
        "most confused: cat taken for dog 75.0%, dog taken for cat 25.0%",
        "published: 75.8 % after 30 epochs",
        "4.0 s of training at 8 img/s, 4.0 s in all",
        "run folder: /runs/r",
    ]


def test_the_summary_of_a_resumed_run_counts_all_of_its_attempts() -> None:
    """Otherwise it could say that 4 s of training took 1 s in all."""
    state = told(*STARTED, batches(0, 4, seconds=2.0), EPOCH)
    later = [ev.Resumed(attempt=2, from_step=4, from_epoch=1, checkpoint="step-00000004"), batches(4, 4), ENDED]
    for seq, event in enumerate(later):
        state.apply(ev.Record(seq=10 + seq, wall=1.6e9, mono=900.0 + seq, attempt=2, event=event))
    assert "3.0 s of training at 21 img/s, 5.0 s in all" in summary_lines(state, Path("/runs/r"))


def test_the_summary_of_a_run_that_failed_before_its_first_step() -> None:
    state = told(ev.RunEnded(status="failed", step=0, epoch=0, reason="no data", exit_code=5))
    assert summary_lines(state, Path("/runs/r")) == ["failed: no data", "run folder: /runs/r"]


def test_the_summary_of_an_attempt_that_has_not_begun_tells_how_the_run_remains() -> None:
    log = Log()
    log.tell(*STARTED, ENDED)
    log.new_attempt(mono=7.0)
    state = log.tell(ev.RunEnded(status="failed", step=12, epoch=3, reason="no such device", exit_code=2))
    assert summary_lines(state, Path("/runs/r")) == [
        "failed: no such device",
        "the run remains finished: all epochs are done",
        "run folder: /runs/r",
    ]


@pytest.mark.parametrize("begun", [(), STARTED], ids=["a run that never was", "a run that could not go on"])
def test_a_folder_is_named_unless_wrong_settings_have_left_none(begun: tuple[ev.Event, ...]) -> None:
    state = told(*begun, ev.RunEnded(status="failed", step=0, epoch=0, reason="no such device", exit_code=2))
    assert ("run folder: /runs/r" in summary_lines(state, Path("/runs/r"))) == bool(begun)


def test_a_network_that_is_right_about_everything_confuses_nothing() -> None:
    perfect = epoch_ended(1, 4)
    state = told(*STARTED, replace(perfect, validation=evaluation(confusion=[[2, 0], [0, 2]])), ENDED)
    text = "\n".join(summary_lines(state, Path("/runs/r")))
    assert "most confused" not in text
    assert "hardest classes: cat 100.0%, dog 100.0%" in text


def test_a_class_without_images_is_not_the_hardest() -> None:
    state = told(*STARTED, replace(EPOCH, validation=evaluation(confusion=[[0, 0], [1, 3]])), ENDED)
    assert "hardest classes: dog 75.0%" in summary_lines(state, Path("/runs/r"))
