"""Reading a log while it grows, after it was cut anywhere, and with damage in it."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import events as ev
from core import reader as reader_module
from core.codec import SCHEMA_VERSION, encode
from core.errors import StorageError
from core.reader import EventReader, read_all
from core.state import RunState
from tests.strategies import histories, records, same, snapshot


def lines_of(history: list[ev.Record]) -> bytes:
    return b"".join(map(encode, history))


def fold(history: list[ev.Record]) -> RunState:
    state = RunState()
    for record in history:
        state.apply(record)
    return state


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples of a test; each writes its own content."""
    return tmp_path_factory.mktemp("reader") / "events.jsonl"


@settings(max_examples=50)
@given(history=histories())
def test_the_fold_of_the_file_is_the_fold_of_the_live_events(history: list[ev.Record], scratch: Path) -> None:
    scratch.write_bytes(lines_of(history))
    assert snapshot(fold(read_all(scratch))) == snapshot(fold(history))


@settings(max_examples=50)
@given(history=histories(), data=st.data())
def test_a_file_that_grows_by_any_bytes_gives_the_same_fold(
    history: list[ev.Record], data: st.DataObject, scratch: Path
) -> None:
    content = lines_of(history)
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6).map(sorted))
    scratch.write_bytes(b"")
    reader, state = EventReader(scratch), RunState()
    seen: list[ev.Record] = []
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        with scratch.open("ab") as file:
            file.write(content[start:end])
        for record in reader.poll():
            state.apply(record)
            seen.append(record)
        assert len(seen) == content[:end].count(b"\n"), "every line that is whole has been read"
    assert same(seen, history)
    assert reader.num_corrupt == 0
    assert snapshot(state) == snapshot(fold(history))


@settings(max_examples=50)
@given(history=histories(), data=st.data())
def test_a_log_cut_at_any_byte_reads_as_a_prefix(history: list[ev.Record], data: st.DataObject, scratch: Path) -> None:
    content = lines_of(history)
    cut = data.draw(st.integers(0, len(content)))
    scratch.write_bytes(content[:cut])
    reader = EventReader(scratch)
    found = reader.poll()
    assert same(found, history[: content[:cut].count(b"\n")])
    assert reader.num_corrupt == 0, "a torn last line is waited for, not counted as damage"


def test_a_log_cut_at_every_single_byte_reads_as_a_prefix(scratch: Path) -> None:
    history = [
        ev.Record(seq=seq, wall=1.0, mono=1.0, attempt=1, event=ev.Notice(level="info", text="é" * seq))
        for seq in range(4)
    ]
    content = lines_of(history)
    for cut in range(len(content) + 1):
        scratch.write_bytes(content[:cut])
        assert read_all(scratch) == history[: content[:cut].count(b"\n")]


@given(history=st.lists(records(), min_size=1, max_size=6), data=st.data())
def test_a_corrupt_line_costs_that_line_and_is_counted(
    history: list[ev.Record], data: st.DataObject, scratch: Path
) -> None:
    lines = [encode(record) for record in history]
    victim = data.draw(st.integers(0, len(lines) - 1))
    position = data.draw(st.integers(0, len(lines[victim]) - 2))
    byte = data.draw(st.integers(1, 255)) ^ lines[victim][position]
    lines[victim] = lines[victim][:position] + bytes([byte]) + lines[victim][position + 1 :]
    scratch.write_bytes(b"".join(lines))
    reader = EventReader(scratch)
    assert same(reader.poll(), history[:victim] + history[victim + 1 :])
    assert reader.num_corrupt == sum(1 for part in lines[victim].split(b"\n") if part)  # a new newline makes two of it


def test_a_lost_newline_costs_the_two_lines_it_joins(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [encode(ev.Record(seq=n, wall=1.0, mono=1.0, attempt=1, event=ev.Paused(step=n))) for n in range(4)]
    lines[1] = lines[1][:-1] + b" "
    path.write_bytes(b"".join(lines))
    reader = EventReader(path)
    assert [record.seq for record in reader.poll()] == [0, 3]
    assert reader.num_corrupt == 1


def test_empty_lines_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = encode(ev.Record(seq=0, wall=1.0, mono=1.0, attempt=1, event=ev.Paused(step=0)))
    path.write_bytes(b"\n" + line + b"\n\n")
    reader = EventReader(path)
    assert len(reader.poll()) == 1
    assert reader.num_corrupt == 0


def test_a_log_of_a_newer_version_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    body = {"v": SCHEMA_VERSION + 1, "seq": 0, "event": {"kind": "levitated"}}
    head = json.dumps(body).encode()[:-1]
    path.write_bytes(head + b',"crc":"%08x"}\n' % zlib.crc32(head))
    with pytest.raises(StorageError, match=rf"{path} was written by a newer cifar-tui \(schema version 2; .*update"):
        EventReader(path).poll()


def test_a_log_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.poll() == []
    record = ev.Record(seq=0, wall=1.0, mono=1.0, attempt=1, event=ev.Paused(step=0))
    path.write_bytes(encode(record))
    assert reader.poll() == [record]
    assert reader.poll() == []


def test_a_log_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    path, other = tmp_path / "events.jsonl", tmp_path / "other"
    old, new = (
        [ev.Record(seq=seq, wall=wall, mono=1.0, attempt=1, event=ev.Paused(step=seq)) for seq in range(3)]
        for wall in (1.0, 2.0)
    )
    path.write_bytes(lines_of(old))
    reader = EventReader(path)
    assert reader.poll() == old
    other.write_bytes(lines_of(new))
    other.replace(path)
    assert reader.poll() == new


def test_a_later_copy_of_a_log_goes_on_where_the_earlier_one_ended(tmp_path: Path) -> None:
    """As rsync leaves it, time and again, from the machine on which the run is trained."""
    path, copy = tmp_path / "events.jsonl", tmp_path / "copy"
    history = [ev.Record(seq=seq, wall=1.0, mono=1.0, attempt=1, event=ev.Paused(step=seq)) for seq in range(3)]
    path.write_bytes(lines_of(history[:1]) + b'{"torn')
    reader = EventReader(path)
    assert reader.poll() == history[:1]
    for count in (2, 3):
        copy.write_bytes(lines_of(history[:count]))
        copy.replace(path)
        assert reader.poll() == history[count - 1 : count]


def test_a_log_that_shrank_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    history = [ev.Record(seq=seq, wall=1.0, mono=1.0, attempt=1, event=ev.Paused(step=seq)) for seq in range(9)]
    path.write_bytes(lines_of(history))
    reader = EventReader(path)
    reader.poll()
    path.write_bytes(lines_of(history[:5]))
    assert reader.poll() == history[:5]


def test_a_log_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"cannot read {tmp_path}: Is a directory"):
        EventReader(tmp_path).poll()


def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events.jsonl")
    with pytest.raises(StorageError, match=r"cannot read .*events\.jsonl: not a plain file"):
        read_all(tmp_path / "events.jsonl")


def test_a_long_log_can_be_read_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_BLOCK_BYTES", 256)
    path = tmp_path / "events.jsonl"
    history = [
        ev.Record(seq=seq, wall=1.0, mono=1.0, attempt=1, event=ev.Notice(level="info", text="." * (37 * seq % 900)))
        for seq in range(60)
    ]
    path.write_bytes(lines_of(history))
    reader = EventReader(path)
    slices = []
    while part := reader.poll(limit_bytes=1000):
        slices.append(part)
    assert len(slices) > 5
    assert [record for part in slices for record in part] == history
    assert reader.offset == path.stat().st_size
