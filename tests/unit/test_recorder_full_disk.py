"""The log survives a full disk, is whole afterwards, and says what it lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import events as ev
from core import recorder as recorder_module
from core.reader import EventReader
from core.recorder import Recorder
from tests.recording import notice, texts


class Disk:
    """Stands in for `os.write`: says for each call how many bytes still fit; None is no limit, an errno an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: list[int | OSError | None] = []
        self._write = os.write
        monkeypatch.setattr(recorder_module.os, "write", self)

    def __call__(self, descriptor: int, data: bytes) -> int:
        room = self.room.pop(0) if self.room else None
        if isinstance(room, OSError):
            raise room
        return self._write(descriptor, data if room is None else data[:room])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize(
    "trouble",
    [OSError(errno.ENOSPC, "No space left on device"), 0, 1, 40],
    ids=["refused", "0 bytes", "1 byte", "40 bytes"],
)
def test_a_full_disk_costs_the_events_of_that_time_and_is_told_of_once(
    trouble: int | OSError, recorder: Recorder, disk: Disk
) -> None:
    seen: list[ev.Record] = []
    recorder.subscribe(seen.append)
    recorder.emit(notice("before"))
    size = recorder.path.stat().st_size
    disk.room = [trouble, trouble]
    recorder.emit(notice("lost"))
    recorder.emit(notice("lost too"))
    assert recorder.path.stat().st_size == size, "a line that did not fit must be cut off again"
    assert recorder.dropped == 2
    recorder.emit(notice("after"))
    recorder.emit(notice("much later"))

    reader = EventReader(recorder.path)
    assert [record.seq for record in reader.poll()] == [0, 3, 4, 5]
    assert reader.num_corrupt == 0
    assert texts(recorder.path) == ["before", "after", "2 events could not be written to events.jsonl", "much later"]
    assert [record.seq for record in seen] == [0, 1, 2, 3, 4, 5], "who watches live misses nothing"


def test_each_bout_of_a_full_disk_is_told_of(recorder: Recorder, disk: Disk) -> None:
    for name in ("a", "b"):
        disk.room = [0]
        recorder.emit(notice(f"lost {name}"))
        recorder.emit(notice(name))
    assert texts(recorder.path) == [
        "a", "1 event could not be written to events.jsonl", "b", "1 event could not be written to events.jsonl"
    ]  # fmt: skip


def test_the_notice_itself_may_not_fit(recorder: Recorder, disk: Disk) -> None:
    disk.room = [0, None, 0]
    recorder.emit(notice("lost"))
    recorder.emit(notice("fits"))
    recorder.emit(notice("fits again"))
    assert texts(recorder.path) == ["fits", "fits again", "2 events could not be written to events.jsonl"]


def test_where_the_file_cannot_be_cut_later_lines_are_intact_and_the_scrap_is_counted(
    recorder: Recorder, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(recorder_module.os, "ftruncate", refuse)
    recorder.emit(notice("before"))
    disk.room = [17]
    recorder.emit(notice("lost"))
    recorder.emit(notice("after"))
    recorder.emit(notice("later"))
    reader = EventReader(recorder.path)
    reader.poll()
    assert reader.num_corrupt == 1
    assert texts(recorder.path) == ["before", "after", "1 event could not be written to events.jsonl", "later"]
    assert b"\n\n" not in recorder.path.read_bytes(), "only the line after the scrap needs one of its own"


REAL_LIMIT = """
import resource, signal, sys
from pathlib import Path
from core import events as ev
from core.recorder import Recorder

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
recorder = Recorder(Path(sys.argv[1]))
recorder.emit(ev.Notice(level="info", text="before"))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 50, hard))
recorder.emit(ev.Notice(level="info", text="lost"))
recorder.emit(ev.Notice(level="info", text="lost"))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
recorder.emit(ev.Notice(level="info", text="after"))
recorder.close()
"""


def test_a_limit_that_the_kernel_sets_is_survived_too(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    subprocess.run([sys.executable, "-c", REAL_LIMIT, path], check=True, timeout=60)
    reader = EventReader(path)
    assert [record.seq for record in reader.poll()] == [0, 3, 4]
    assert reader.num_corrupt == 0
    assert texts(path) == ["before", "after", "2 events could not be written to events.jsonl"]
