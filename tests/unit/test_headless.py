"""The lines of a batch job's log and the JSON of scripts."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core import events as ev
from core.codec import encode
from core.headless import (
    PROGRESS_SECONDS,
    JsonReport,
    LineReport,
    Report,
    describe_event,
    duration,
    epoch_line,
    printable,
    summary_lines,
)
from core.runfolder import Manifest, RunFolder
from core.runsummary import as_json, condition, summarize
from core.state import RunState
from tests.strategies import batches, epoch_ended, evaluation, run_started


def fold(*events: ev.Event) -> RunState:
    state = RunState()
    for record in stamped(*events):
        state.apply(record)
    return state


def stamped(*events: ev.Event) -> list[ev.Record]:
    return [
        ev.Record(seq=seq, wall=1.5e9 + seq, mono=float(seq), attempt=1, event=event)
        for seq, event in enumerate(events)
    ]


STARTED = (run_started(), ev.PhaseChanged(phase="training"))
EPOCH = ev.EpochEnded(
    epoch=1, step=4, train_loss=1.5, train_accuracy=0.25,
    validation=ev.Evaluation(loss=1.25, top1=0.75, top5=0.95, confusion=[[3, 1], [0, 4]], seconds=2.0),
    lr=0.0125, seconds=4.0, images_per_second=1234.4,
)  # fmt: skip
ENDED = ev.RunEnded(status="finished", step=12, epoch=3, reason="all epochs are done", seconds=61.25)


# -- lines ------------------------------------------------------------------------------------------------------------


def test_an_epoch_is_a_line() -> None:
    state = fold(*STARTED, batches(0, 4, seconds=4.0), EPOCH)
    assert epoch_line(EPOCH, state) == (
        "epoch 1/3  train loss 1.5000 acc 25.00%  validation loss 1.2500 top-1 75.00%, top-5 95.00%  lr 0.0125  "
        "1,234 img/s  ETA 0:12  best"
    )


def test_an_epoch_that_is_not_the_best_and_has_no_top5() -> None:
    state = fold(*STARTED, EPOCH, second := epoch_ended(2, 8, top1=0.5))
    line = epoch_line(second, state)
    assert "best" not in line
    assert "top-5" not in line


def test_an_epoch_of_nan_is_a_line_too() -> None:
    state = fold(*STARTED, epoch := epoch_ended(1, 4, top1=math.nan))
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
    state = fold(run_started(published=published), batches(0, 4, seconds=4.0), EPOCH, worse, ENDED)
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
    state = fold(*STARTED, batches(0, 4, seconds=2.0), EPOCH)
    later = [ev.Resumed(attempt=2, from_step=4, from_epoch=1, checkpoint="step-00000004"), batches(4, 4), ENDED]
    for seq, event in enumerate(later):
        state.apply(ev.Record(seq=10 + seq, wall=1.6e9, mono=900.0 + seq, attempt=2, event=event))
    assert "3.0 s of training at 21 img/s, 5.0 s in all" in summary_lines(state, Path("/runs/r"))


def test_the_summary_of_a_run_that_failed_before_its_first_step() -> None:
    state = fold(ev.RunEnded(status="failed", step=0, epoch=0, reason="no data", exit_code=5))
    assert summary_lines(state, Path("/runs/r")) == ["failed: no data", "run folder: /runs/r"]


@pytest.mark.parametrize("begun", [(), STARTED], ids=["a run that never was", "a run that could not go on"])
def test_a_folder_is_named_unless_wrong_settings_have_left_none(begun: tuple[ev.Event, ...]) -> None:
    state = fold(*begun, ev.RunEnded(status="failed", step=0, epoch=0, reason="no such device", exit_code=2))
    assert ("run folder: /runs/r" in summary_lines(state, Path("/runs/r"))) == bool(begun)


def test_a_network_that_is_right_about_everything_confuses_nothing() -> None:
    perfect = epoch_ended(1, 4)
    state = fold(*STARTED, replace(perfect, validation=evaluation(confusion=[[2, 0], [0, 2]])), ENDED)
    text = "\n".join(summary_lines(state, Path("/runs/r")))
    assert "most confused" not in text
    assert "hardest classes: cat 100.0%, dog 100.0%" in text


def test_a_class_without_images_is_not_the_hardest() -> None:
    state = fold(*STARTED, replace(EPOCH, validation=evaluation(confusion=[[0, 0], [1, 3]])), ENDED)
    assert "hardest classes: dog 75.0%" in summary_lines(state, Path("/runs/r"))


# -- reports ----------------------------------------------------------------------------------------------------------


def tell(report: Report, *events: ev.Event) -> None:
    for record in stamped(*events):
        report(record)


def line_report(**clock: Any) -> tuple[LineReport, io.StringIO, io.StringIO]:
    out, talk = io.StringIO(), io.StringIO()
    return LineReport(RunFolder(Path("/runs/r")), out, talk, **clock), out, talk


def test_epochs_and_the_summary_are_data_and_the_rest_is_talk() -> None:
    report, out, talk = line_report()
    tell(
        report,
        ev.PhaseChanged(phase="building"),
        *STARTED,
        batches(0, 4),
        EPOCH,
        ev.Notice(level="info", text="hi"),
        ENDED,
    )
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [
        "epoch", "finished:", "best", "hardest", "most", "1.0", "run"
    ]  # fmt: skip
    assert talk.getvalue().splitlines()[0] == "building"
    assert talk.getvalue().splitlines()[-1] == "info: hi"
    assert "run r" in talk.getvalue()


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_an_error_is_talk(status: Any) -> None:
    report, out, talk = line_report()
    tell(report, *STARTED, ev.RunEnded(status=status, step=0, epoch=0, reason="the loss became nan", exit_code=3))
    assert talk.getvalue().splitlines()[-1] == f"{status}: the loss became nan"
    assert out.getvalue() == "run folder: /runs/r\n"


@pytest.mark.parametrize("status", ["finished", "stopped", "preempted"])
def test_an_end_that_was_wanted_is_data(status: Any) -> None:
    report, out, _ = line_report()
    tell(report, ev.RunEnded(status=status, step=0, epoch=0, reason="so be it"))
    assert out.getvalue().startswith(f"{status}: so be it\n")


def test_within_a_long_epoch_there_is_a_line_now_and_then() -> None:
    now = [0.0]
    report, out, talk = line_report(clock=lambda: now[0])
    tell(report, *STARTED)
    before = len(talk.getvalue().splitlines())
    for step in range(10):
        now[0] += PROGRESS_SECONDS / 4
        tell(report, batches(step, 1, loss=step + 0.5, seconds=0.5))
    lines = talk.getvalue().splitlines()[before:]
    assert lines == [
        "step 4/12  loss 3.5000  16 img/s  ETA 0:04",
        "step 8/12  loss 7.5000  16 img/s  ETA 0:02",
    ]
    assert out.getvalue() == ""


def test_an_epoch_s_line_stands_for_progress_too() -> None:
    now = [0.0]
    report, _, talk = line_report(clock=lambda: now[0])
    tell(report, *STARTED)
    before = talk.getvalue()
    now[0] = PROGRESS_SECONDS * 0.9
    tell(report, batches(0, 4), EPOCH)
    now[0] = PROGRESS_SECONDS * 1.8
    tell(report, batches(4, 1))
    assert talk.getvalue() == before


def test_an_earlier_attempt_is_caught_up_with_in_silence() -> None:
    report, out, talk = line_report()
    for record in stamped(*STARTED, EPOCH):
        report.catch_up(record)
    assert (out.getvalue(), talk.getvalue()) == ("", "")
    tell(report, ENDED)
    assert "best validation top-1 75.00% (epoch 1)" in out.getvalue()


def test_json_is_the_lines_of_the_log() -> None:
    out, talk = io.StringIO(), io.StringIO()
    history = stamped(*STARTED, batches(0, 2, loss=math.nan), EPOCH, ENDED)
    report = JsonReport(out, talk)
    for record in history:
        report(record)
    assert out.getvalue().encode() == b"".join(map(encode, history))
    assert talk.getvalue() == ""


def test_with_json_an_error_is_a_sentence_too() -> None:
    out, talk = io.StringIO(), io.StringIO()
    tell(JsonReport(out, talk), ev.RunEnded(status="failed", step=0, epoch=0, reason="no data \x1b[1m", exit_code=5))
    assert talk.getvalue() == "failed: no data \ufffd[1m\n"
    assert json.loads(out.getvalue())["event"]["exit_code"] == 5


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("kind", ["lines", "json"])
@pytest.mark.parametrize("closed", [False, True], ids=["a broken pipe", "a closed stream"])
def test_a_reader_that_has_left_stops_nothing(kind: str, closed: bool) -> None:
    stream = Gone()
    if closed:
        stream.close()
    report: Report
    if kind == "lines":
        report = LineReport(RunFolder(Path("/runs/r")), stream, stream)
    else:
        report = JsonReport(stream, stream)
    tell(report, *STARTED, EPOCH, ev.Notice(level="info", text="hi"), ev.RunEnded(status="failed", step=0, epoch=0))


def test_lines_from_outside_cannot_move_the_cursor() -> None:
    report, out, talk = line_report()
    tell(report, run_started(run_id="\x1b[2J", classes=["c\rat", "d\x07og"]), EPOCH, ENDED)
    for text in (out.getvalue(), talk.getvalue()):
        assert all(line.isprintable() for line in text.splitlines())
        assert "\r" not in text


# -- JSON of a run ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "r")
    folder.path.mkdir()
    config = {"data": {"dataset": "shapes"}}
    folder.write_manifest(Manifest(id="r", recipe="shapes-small", created=1.5e9, config=config))
    return folder


def described_by(folder: RunFolder, state: RunState) -> dict[str, Any]:
    summary = summarize(folder, state)
    return as_json(summary, condition(summary, folder, summary.created), folder)


def test_a_run_as_json_has_fractions_and_what_scripts_need(folder: RunFolder) -> None:
    last = epoch_ended(2, 8)
    measured = replace(last.validation, top5=0.875, top1_test_time=0.625)
    steps = (batches(0, 4, seconds=4.0), EPOCH, batches(4, 4, epoch=2, seconds=12.0))
    state = fold(*STARTED, *steps, replace(last, validation=measured), ENDED)
    described = described_by(folder, state)
    for key, value in {
        "id": "r", "recipe": "shapes-small", "dataset": "shapes", "state": "finished", "epoch": 2, "num_epochs": 3,
        "step": 8, "num_steps": 12, "best": {"epoch": 1, "top1": 0.75}, "images_per_second": 4.0,
        "path": str(folder.path), "device": "cpu", "training_seconds": 16.0, "created": 1.5e9,
    }.items():  # fmt: skip
        assert described[key] == value, key
    assert described["last"] == {
        "top1": 0.5, "top5": 0.875, "top1_test_time": 0.625, "validation_loss": 1.25,
        "train_accuracy": 0.5, "train_loss": 1.0,
    }  # fmt: skip


def test_a_run_that_has_only_begun_as_json(folder: RunFolder) -> None:
    described = described_by(folder, RunState())
    assert (described["state"], described["epoch"], described["best"], described["last"]) == ("starting", 0, None, None)
    assert described["images_per_second"] is None
    json.dumps(described, allow_nan=False)


def test_the_path_can_be_used_from_anywhere(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path.parent)
    assert described_by(RunFolder(Path("r")), RunState())["path"] == str(folder.path)
