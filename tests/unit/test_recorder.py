"""The log: each event a line, in order, also after a torn line and from many threads, and durable in time."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import events as ev
from core import recorder as recorder_module
from core.errors import StorageError
from core.reader import EventReader, read_all
from core.recorder import Recorder
from core.state import RunState
from tests.recording import notice, open_at, texts
from tests.strategies import batches, epoch_ended, events, same, snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples of a test; each begins with none."""
    return tmp_path_factory.mktemp("recorder") / "events.jsonl"


def test_each_event_is_a_line_stamped_numbered_and_handed_on(path: Path) -> None:
    seen: list[ev.Record] = []
    recorder = Recorder(path, attempt=3, next_seq=41, wall=lambda: 1.5e9, mono=lambda: 7.5)
    recorder.subscribe(seen.append)
    recorder.emit(ev.Paused(step=1))
    recorder.emit(ev.Unpaused(step=1, seconds=2.0))
    recorder.close()
    assert [(r.seq, r.wall, r.mono, r.attempt, type(r.event)) for r in seen] == [
        (41, 1.5e9, 7.5, 3, ev.Paused),
        (42, 1.5e9, 7.5, 3, ev.Unpaused),
    ]
    assert read_all(path) == seen


@given(emitted=st.lists(events(), max_size=8))
def test_what_is_read_is_what_was_emitted(emitted: list[ev.Event], scratch: Path) -> None:
    scratch.unlink(missing_ok=True)
    recorder = open_at(scratch)
    for event in emitted:
        recorder.emit(event)
    recorder.close()
    assert same([record.event for record in read_all(scratch)], emitted)


@given(data=st.data())
def test_a_torn_last_line_is_cut_at_reopening(data: st.DataObject, scratch: Path) -> None:
    scratch.unlink(missing_ok=True)
    first = open_at(scratch)
    for number in range(3):
        first.emit(notice(f"{number}"))
    first.close()
    whole = scratch.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    scratch.write_bytes(whole[:cut])
    num_whole = whole[:cut].count(b"\n")
    second = open_at(scratch, attempt=2, next_seq=num_whole)
    second.emit(notice("again"))
    second.close()
    reader = EventReader(scratch)
    assert [record.seq for record in reader.poll()] == list(range(num_whole + 1))
    assert reader.num_corrupt == 0
    assert texts(scratch) == [*map(str, range(num_whole)), "again"]


def test_a_torn_line_longer_than_a_block_is_cut(path: Path) -> None:
    recorder = Recorder(path)
    recorder.emit(notice("kept"))
    recorder.close()
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    Recorder(path).close()
    assert path.stat().st_size == size


def test_threads_write_whole_lines_with_consecutive_numbers(path: Path) -> None:
    recorder = Recorder(path)
    seen: list[int] = []
    recorder.subscribe(lambda record: seen.append(record.seq))
    start = threading.Barrier(8)

    def emit(name: int) -> None:
        start.wait()
        for number in range(50):
            recorder.emit(notice(f"{name}:{number}" + "." * 500 * (number % 3)))
            if number % 10 == 0:
                recorder.sync()

    threads = [threading.Thread(target=emit, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()

    reader = EventReader(path)
    records = reader.poll()
    assert reader.num_corrupt == 0
    assert [record.seq for record in records] == list(range(400)) == seen
    for name in range(8):
        own = [text for text in texts(path) if text.startswith(f"{name}:")]
        assert [int(text.strip(".").partition(":")[2]) for text in own] == list(range(50)), (
            "each thread's order is kept"
        )


def test_after_closing_events_reach_the_subscribers_only(recorder: Recorder, path: Path) -> None:
    seen: list[ev.Record] = []
    recorder.subscribe(seen.append)
    recorder.emit(notice("written"))
    recorder.close()
    recorder.close()
    recorder.sync()
    recorder.emit(notice("spoken"))
    assert texts(path) == ["written"]
    assert len(seen) == 2
    assert recorder.dropped == 0, "nothing was lost: there was no log to write to"


def test_live_and_read_states_are_the_same(path: Path) -> None:
    """Also in the free-form settings: what a viewer reads is what the trainer saw."""
    live, read = RunState(), RunState()
    recorder = Recorder(path)
    recorder.subscribe(live.apply)
    for event in (ev.PhaseChanged(phase="training"), batches(0, 4), epoch_ended(1, 4)):
        recorder.emit(event)
    recorder.close()
    for record in read_all(path):
        read.apply(record)
    assert snapshot(live) == snapshot(read)


class Syncs:
    """Counts lines that are durable, by standing in for `os.fdatasync`."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.durable: list[int] = []
        self._path = path
        monkeypatch.setattr(recorder_module.os, "fdatasync", self)

    def __call__(self, descriptor: int) -> None:
        self.durable.append(self._path.read_bytes().count(b"\n"))


@pytest.fixture
def syncs(path: Path, monkeypatch: pytest.MonkeyPatch) -> Syncs:
    return Syncs(path, monkeypatch)


CHECKPOINT = ev.CheckpointSaved(step=4, epoch=1, path="checkpoints/step-00000004", reason="epoch")
ENDED = ev.RunEnded(status="finished", step=4, epoch=1)


@pytest.mark.parametrize(
    ("event", "durable"),
    [(epoch_ended(1, 4), [2]), (CHECKPOINT, [1]), (ENDED, [2]), (batches(0, 4), [])],
    ids=["an epoch's end is durable", "before a checkpoint is announced all is", "the end is durable", "no step waits"],
)
def test_durability(event: ev.Event, durable: list[int], recorder: Recorder, syncs: Syncs) -> None:
    recorder.emit(notice("earlier"))
    recorder.emit(event)
    assert syncs.durable == durable


def test_sync_does_nothing_where_nothing_is_new(recorder: Recorder, syncs: Syncs) -> None:
    recorder.sync()
    recorder.emit(notice("new"))
    recorder.sync()
    recorder.sync()
    assert syncs.durable == [1]


def test_a_checkpoint_is_announced_after_a_sync_that_another_thread_has_begun(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    announcing = threading.Thread(target=recorder.emit, args=(CHECKPOINT,))

    def fdatasync(descriptor: int) -> None:
        announcing.start()
        announcing.join(timeout=0.2)  # it waits for what this makes durable, and so does not end before
        order.append("durable")

    recorder.emit(notice("earlier"))
    recorder.subscribe(lambda record: order.append("announced"))
    monkeypatch.setattr(recorder_module.os, "fdatasync", fdatasync)
    recorder.sync()
    announcing.join()
    monkeypatch.undo()
    assert order == ["durable", "announced"]


def test_closing_makes_the_rest_durable(recorder: Recorder, syncs: Syncs) -> None:
    recorder.emit(notice("last"))
    recorder.close()
    assert syncs.durable == [1]


@pytest.mark.parametrize("call", ["fdatasync", "dup"])
def test_a_disk_that_cannot_sync_stops_nothing(
    call: str, recorder: Recorder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(recorder_module.os, call, refuse)
    recorder.emit(epoch_ended(1, 4))
    assert len(read_all(path)) == 1


def _missing(path: Path) -> Path:
    return path.parent / "nowhere" / "events.jsonl"


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [(_missing, "No such file or directory"), (_folder, "Is a directory")],
    ids=["its folder is missing", "a folder is in its place"],
)
def test_a_log_that_cannot_be_opened_is_an_error_that_names_it(
    make: Callable[[Path], Path], reason: str, path: Path
) -> None:
    with pytest.raises(StorageError, match=rf"cannot write the event log .*events\.jsonl: {reason}"):
        Recorder(make(path))
