"""A live run followed through its log: what is said of a trainer that fails, dies or is deleted from under."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import events as ev
from core.codec import encode
from core.errors import StorageError
from core.runfolder import RunFolder
from tests.strategies import batches, epoch_ended, run_started
from tui import source as source_module
from tui.source import LiveSource, TextTail
from tui.spawn import Trainer

Start = Callable[[str], Trainer]
BEGUN: tuple[ev.Event, ...] = (run_started(), batches(0, 4), epoch_ended(1, 4))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def tell(folder: RunFolder, *events: ev.Event, attempt: int = 1) -> None:
    with folder.events_file.open("ab") as file:
        for number, event in enumerate(events):
            file.write(encode(ev.Record(seq=number, wall=1e9, mono=1.0, attempt=attempt, event=event)))


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that is no trainer, to be watched as if it were."""
    with contextlib.ExitStack() as stack:

        def starting(script: str) -> Trainer:
            output = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=output, stderr=output)
            stack.enter_context(process)
            return Trainer(process, output)

        yield starting


@pytest.fixture
def ended(start: Start) -> Start:
    """The same, when it has left."""

    def waiting(script: str) -> Trainer:
        trainer = start(script)
        trainer.process.wait()
        return trainer

    return waiting


def test_a_run_that_never_began_tells_what_its_trainer_said_once_it_has_left(folder: RunFolder, start: Start) -> None:
    source = LiveSource(folder, start("read line; echo 'cifar-tui: no such device'; exit 2"))
    source.advance()
    assert source.problem == ""
    assert source.trainer is not None
    source.trainer.process.communicate(b"\n")
    assert source.problem == "The run did not start. no such device"


def test_a_run_whose_trainer_was_killed_before_its_first_word_says_by_what(folder: RunFolder, ended: Start) -> None:
    source = LiveSource(folder, ended("kill -9 $$"))
    source.advance()
    source.look_for_trainer(0.0)
    assert not source.has_died, "there is no run to go on with"
    assert source.problem == "The run did not start. the trainer ended before it could say why (signal 9)"


@pytest.mark.parametrize(("code", "problem"), [(1, "The run did not go on. no space left"), (0, "")])
def test_a_run_that_could_not_be_resumed_says_so(folder: RunFolder, code: int, problem: str, ended: Start) -> None:
    tell(folder, *BEGUN)
    source = LiveSource(folder, ended(f"echo 'failed: no space left'; exit {code}"))
    source.advance()
    assert source.problem == problem


def test_a_resumed_run_that_said_something_in_its_log_speaks_for_itself(folder: RunFolder, ended: Start) -> None:
    tell(folder, *BEGUN)
    source = LiveSource(folder, ended("exit 1"))
    tell(folder, ev.PhaseChanged(phase="starting"), attempt=2)
    source.advance()
    assert source.problem == ""


def test_a_folder_that_has_gone_is_told_of(folder: RunFolder, ended: Start) -> None:
    tell(folder, *BEGUN)
    source, own = LiveSource(folder), LiveSource(folder, ended("exit 0"))
    source.advance()
    own.advance()
    assert (source.problem, own.problem, source.is_live) == ("", "", True)
    shutil.rmtree(folder.path)
    source.advance()
    own.advance()
    assert source.problem == own.problem
    assert f"The run folder {folder.path} is gone" in source.problem


def test_a_trainer_of_this_viewer_that_ends_without_a_word_has_died(folder: RunFolder, ended: Start) -> None:
    tell(folder, *BEGUN)
    source = LiveSource(folder, ended("exit 0"))
    source.look_for_trainer(0.0)
    assert not source.has_died, "what it wrote last is not yet read"
    source.frozen = True
    source.advance()
    source.look_for_trainer(0.0)
    assert not source.has_died, "a frozen picture stays"
    source.frozen = False
    source.advance()
    source.look_for_trainer(0.0)
    assert source.has_died
    assert not source.is_live
    tell(folder, ev.RunEnded(status="stopped", step=4, epoch=1))
    source.advance()
    source.look_for_trainer(0.0)
    assert (source.has_died, source.is_live) == (False, False)


@pytest.mark.parametrize(("waiting", "died"), [(5.0, False), (3600.0, True)])
def test_a_run_of_another_viewer_has_died_when_it_is_silent_and_nobody_is_there(
    folder: RunFolder, waiting: float, died: bool
) -> None:
    tell(folder, *BEGUN)
    source = LiveSource(folder)
    source.advance()
    source.frozen = True
    source.look_for_trainer(1e9 + waiting)
    assert not source.has_died, "a frozen picture stays"
    source.frozen = False
    source.look_for_trainer(1e9 + waiting)
    assert source.has_died is died


def test_what_comes_while_the_picture_is_frozen_is_shown_afterwards(folder: RunFolder) -> None:
    source = LiveSource(folder)
    source.frozen = True
    tell(folder, *BEGUN)
    assert len(source.advance()) == 3
    assert source.state.num_records == 0
    source.frozen = False
    assert source.advance() == []
    assert source.state.num_records == 3
    source.advance()
    assert source.state.num_records == 3


def test_a_long_log_is_read_a_slice_at_a_time(folder: RunFolder, ended: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(folder, *BEGUN, *[ev.Notice(level="info", text="x" * 1000)] * 1000)
    monkeypatch.setattr(source_module, "_SLICE_BYTES", 200_000)
    source, own = LiveSource(folder), LiveSource(folder, ended("exit 1"))
    for each in (source, own):
        each.advance()
        each.look_for_trainer(2e9)
        assert (each.is_behind, each.has_died, each.problem) == (True, False, ""), "its end is not yet known"
    assert 0 < source.state.num_records < 1003
    while source.is_behind:
        source.advance()
    assert source.state.num_records == 1003


def test_a_log_that_cannot_be_read_is_told_of_until_it_can(folder: RunFolder) -> None:
    folder.events_file.mkdir()
    source = LiveSource(folder)
    with pytest.raises(StorageError):
        source.advance()
    assert str(folder.events_file) in source.problem
    folder.events_file.rmdir()
    tell(folder, *BEGUN)
    source.advance()
    assert source.problem == ""


# -- what the trainer printed ------------------------------------------------------------------------------------------


def printed(folder: RunFolder, text: str) -> None:
    with folder.log_file.open("a") as file:
        file.write(text)


def test_prints_appear_line_by_line(folder: RunFolder) -> None:
    tail = TextTail(folder)
    assert not tail.advance(), "nothing was printed yet"
    printed(folder, "one\ntw")
    assert tail.advance()
    assert tail.lines == ["one"]
    assert not tail.advance()
    printed(folder, "o\nthree\n")
    assert tail.advance()
    assert tail.lines == ["one", "two", "three"]
    assert not tail.advance()


def test_of_much_that_was_printed_the_end_is_kept(folder: RunFolder) -> None:
    printed(folder, "".join(f"line {number}\n" for number in range(50_000)))
    tail = TextTail(folder)
    assert tail.advance()
    assert tail.lines == [f"line {number}" for number in range(49_500, 50_000)]
    printed(folder, "and on\n")
    assert tail.advance()
    assert tail.lines[-2:] == ["line 49999", "and on"]
    assert len(tail.lines) == 500


def test_prints_that_were_cut_away_are_read_anew(folder: RunFolder) -> None:
    printed(folder, "a long first line\n")
    tail = TextTail(folder)
    tail.advance()
    os.truncate(folder.log_file, 0)
    printed(folder, "again\n")
    assert tail.advance()
    assert tail.lines[-1] == "again"
