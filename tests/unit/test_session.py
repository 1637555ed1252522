"""A trainer's life around its training: what a second attempt at a run finds, and what it leaves alone."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import msgspec
import pytest

from core import control, session
from core import events as ev
from core.errors import ExitCode, StorageError
from core.fold import fold
from core.headless import JsonReport, LineReport
from core.reader import read_all
from core.resume import Origin
from core.runfolder import RunFolder
from core.session import Request
from core.signals import Signals
from core.train import Trainer
from tests.training import STEPS_PER_EPOCH, tiny

pytestmark = pytest.mark.usefixtures("handlers")


@pytest.fixture(autouse=True)
def untuned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trainer sets for its whole process is left alone."""
    monkeypatch.setattr(session, "tune_pytorch", lambda: None)


def train(images: Path, runs: Path, epochs: int, name: str, *, of: str | None = None, fork: bool = False) -> RunFolder:
    request = Request(
        config=tiny(images, epochs=epochs),
        runs_dir=runs,
        run_id=name,
        origin=Origin(RunFolder(runs / of), "last") if of else None,
        fork=fork,
    )
    assert session.train_run(request, LineReport) is ExitCode.DONE
    return RunFolder(runs / name)


def test_a_stop_that_was_left_for_a_dead_trainer_does_not_stop_the_next(images: Path, tmp_path: Path) -> None:
    folder = train(images, tmp_path, 1, "run")
    control.send(folder.control, control.parse_command(["stop"]))
    train(images, tmp_path, 2, "run", of="run")
    events = [record.event for record in read_all(folder.events_file)]
    (answer,) = (event for event in events if isinstance(event, ev.CommandHandled))
    assert (answer.name, answer.status, answer.message) == ("stop", "refused", "it was left before this attempt began")
    assert (events[-1].status, events[-1].step) == ("finished", 2 * STEPS_PER_EPOCH)  # type: ignore[union-attr]


def test_a_run_whose_copy_has_lost_its_empty_control_folder_can_be_steered_again(images: Path, tmp_path: Path) -> None:
    folder = train(images, tmp_path, 1, "run")
    folder.control.rmdir()
    train(images, tmp_path, 2, "run", of="run")
    control.send(folder.control, control.parse_command(["pause"]))


def test_who_reports_a_second_attempt_is_told_of_the_commands_that_it_refused(images: Path, tmp_path: Path) -> None:
    folder = train(images, tmp_path, 1, "run")
    control.send(folder.control, control.parse_command(["lr", "0.5"]))
    num_before = len(read_all(folder.events_file))
    lines, words = io.StringIO(), io.StringIO()
    origin = Origin(folder, "last")
    request = Request(config=tiny(images, epochs=2), runs_dir=tmp_path, run_id="run", origin=origin)
    session.train_run(request, lambda *_: JsonReport(lines, words))
    logged = folder.events_file.read_text().splitlines()[num_before:]
    assert lines.getvalue().splitlines() == logged, "standard output has every line of the attempt"
    first = json.loads(logged[0])["event"]
    assert (first["name"], first["status"], first["step"]) == ("lr", "refused", STEPS_PER_EPOCH)


def test_a_run_that_goes_on_keeps_its_birth_its_parent_and_its_numbering(images: Path, tmp_path: Path) -> None:
    train(images, tmp_path, 1, "parent")
    folder = train(images, tmp_path, 2, "run", of="parent", fork=True)
    manifest = folder.read_manifest()
    folder.write_manifest(msgspec.structs.replace(manifest, created=1e9))
    train(images, tmp_path, 3, "run", of="run")
    after = folder.read_manifest()
    assert (after.created, after.parent, after.config["epochs"]) == (1e9, "parent", 3)
    records = read_all(folder.events_file)
    assert [record.seq for record in records] == list(range(len(records)))
    assert sorted({record.attempt for record in records}) == [1, 2]


def test_who_reports_a_second_attempt_knows_the_first(images: Path, tmp_path: Path) -> None:
    reports: list[LineReport] = []

    def report_to(folder: RunFolder, out: TextIO, talk: TextIO) -> LineReport:
        reports.append(LineReport(folder, out, talk))
        return reports[-1]

    folder = train(images, tmp_path, 1, "run")
    request = Request(config=tiny(images, epochs=2), runs_dir=tmp_path, origin=Origin(folder, "last"))
    assert session.train_run(request, report_to) is ExitCode.DONE
    assert [epoch.epoch for epoch in reports[0].state.epochs] == [1, 2]


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ZeroDivisionError("by zero"), ExitCode.BUG, "ZeroDivisionError: by zero (traceback in "),
        (MemoryError(), ExitCode.OUT_OF_MEMORY, "out of memory: use a smaller --batch-size"),
    ],
    ids=["by a bug", "for want of memory"],
)
def test_a_run_that_fails_tells_why_and_how_far_it_came(
    error: Exception,
    code: ExitCode,
    reason: str,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end_epoch = Trainer._end_epoch

    def fail(self: Trainer, epoch: int) -> None:
        end_epoch(self, epoch)
        if epoch == 2:
            raise error

    monkeypatch.setattr(Trainer, "_end_epoch", fail)
    request = Request(config=tiny(images), runs_dir=tmp_path, run_id="run")
    assert session.train_run(request, LineReport) is code
    folder = RunFolder(tmp_path / "run")
    ended = fold(folder.events_file).ended
    assert ended is not None
    assert (ended.status, ended.step, ended.epoch) == ("failed", 2 * STEPS_PER_EPOCH, 2)
    assert ended.reason.startswith(reason)
    told = capsys.readouterr().err + folder.log_file.read_text()  # the latter where standard error is the process's own
    assert ("Traceback" in told) is (code is ExitCode.BUG)


def test_wrong_settings_leave_no_new_run_and_delete_none_that_is_resumed(images: Path, tmp_path: Path) -> None:
    signals = Signals()
    signals.request, signals.name = "preempt", "SIGTERM"  # as it came between two runs
    first = Request(config=tiny(images), runs_dir=tmp_path, run_id="run")
    assert session.train_run(first, LineReport, signals) is ExitCode.PREEMPTED
    folder = RunFolder(tmp_path / "run")
    wrong = Request(config=tiny(images, device="cuda:99"), runs_dir=tmp_path, run_id="new")
    assert session.train_run(wrong, LineReport) is ExitCode.USAGE
    assert session.train_run(replace(wrong, run_id=None, origin=Origin(folder, "last")), LineReport) is ExitCode.USAGE
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["run"]
    assert folder.read_manifest().config["device"] == first.config.device


def test_a_run_that_has_ended_is_said_to_live_no_more(images: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    train(images, tmp_path, 1, "run")
    assert threading.active_count() <= before, "its heartbeat would go on beside that of the next seed"


@pytest.mark.parametrize(
    ("make", "reason"), [(os.mkfifo, "No such device"), (os.mkdir, "Is a directory")], ids=["pipe", "folder"]
)
@pytest.mark.timeout(20)  # a pipe that is waited for would hold up the trainer for ever
def test_a_trainer_log_that_cannot_be_written_is_told_of(
    make: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    make(tmp_path / "trainer.log")
    told = pytest.raises(StorageError, match=rf"^cannot write .*trainer\.log: {reason}")
    with told, session.output_to(tmp_path / "trainer.log"):
        pytest.fail("there is nowhere to write to")
