"""A state taken out of a recording is the fold of the records up to there, in every attribute."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import events as ev
from core import timeline
from core.codec import encode
from core.errors import StorageError, UsageError
from core.runfolder import RunFolder
from core.state import RunState
from core.timeline import Recording
from tests.strategies import batches, epoch_ended, histories, run_started, snapshot
from tui.replay import ReplaySource, parse_speed, speed_name
from tui.source import LiveSource


def write(path: Path, records: list[ev.Record], damage: dict[int, bytes] | None = None) -> Path:
    with path.open("wb") as file:
        for number, record in enumerate(records):
            file.write((damage or {}).get(number, b""))
            file.write(encode(record))
    return path


def fold(records: list[ev.Record]) -> RunState:
    state = RunState()
    for record in records:
        state.apply(record)
    return state


def story(*events: ev.Event, seconds: float = 1.0) -> list[ev.Record]:
    return [
        ev.Record(seq=number, wall=1e9 + number * seconds, mono=number * seconds, attempt=1, event=event)
        for number, event in enumerate(events)
    ]


def three_epochs() -> list[ev.Record]:
    events: list[ev.Event] = [run_started(), ev.PhaseChanged(phase="training")]
    for epoch in range(1, 4):
        events += [batches(4 * epoch - 4, 2, epoch=epoch), batches(4 * epoch - 2, 2, epoch=epoch)]
        events.append(epoch_ended(epoch, 4 * epoch, top1=0.5 if epoch != 2 else 0.9))
    return story(*events, ev.RunEnded(status="finished", step=12, epoch=3))


@pytest.fixture
def replay(tmp_path: Path) -> ReplaySource:
    return opened(tmp_path, three_epochs())


def opened(tmp_path: Path, records: list[ev.Record], **more: Any) -> ReplaySource:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir(exist_ok=True)
    write(folder.events_file, records)
    source = ReplaySource(folder, **more)
    source.read_all()
    return source


@given(histories(), st.data())
def test_the_state_at_any_place_is_the_fold_of_the_records_before_it(
    records: list[ev.Record], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEEP_EVERY", data.draw(st.integers(1, 9)))
        recording = Recording(write(Path(folder) / "events.jsonl", records))
        recording.extend()
        assert snapshot(recording.whole) == snapshot(fold(records))
        places = data.draw(st.lists(st.integers(0, len(records)), min_size=1, max_size=8))
        for place in places:
            assert snapshot(recording.state_at(place)) == snapshot(fold(records[:place]))
        assert snapshot(recording.whole) == snapshot(fold(records)), "a seek must not touch what is kept"


@settings(max_examples=40)
@given(histories(), st.data())
def test_seek_then_play_equals_play_from_the_start(records: list[ev.Record], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEEP_EVERY", 5)
        recording = Recording(write(Path(folder) / "events.jsonl", records))
        recording.extend()
        start = data.draw(st.integers(0, len(records)))
        state = recording.state_at(start)
        for record in recording.records(start, len(recording)):
            state.apply(record)
        assert snapshot(state) == snapshot(fold(records))


@settings(max_examples=40)
@given(histories(), st.integers(0, 60), st.integers(0, 60))
def test_forks_go_their_own_ways(records: list[ev.Record], first: int, second: int) -> None:
    state = fold(records[:first])
    fork = state.fork()
    before = snapshot(state)
    for record in records[first : first + second]:
        fork.apply(record)
    assert snapshot(state) == before
    assert snapshot(fork) == snapshot(fold(records[: first + second]))


def test_two_forks_that_write_different_steps_do_not_disturb_each_other() -> None:
    one = fold(story(run_started(), batches(0, 4, loss=1.0)))
    other, third = one.fork(), one.fork()
    other.apply(ev.Record(seq=2, wall=0, mono=9, attempt=1, event=batches(4, 4, loss=2.0)))
    third.apply(ev.Record(seq=2, wall=0, mono=9, attempt=1, event=batches(4, 2, loss=3.0)))
    assert other.batches["loss"].tolist() == [1.0] * 4 + [2.0] * 4
    assert third.batches["loss"].tolist() == [1.0] * 4 + [3.0] * 2
    assert one.batches["loss"].tolist() == [1.0] * 4


def test_damaged_lines_are_passed_over_at_opening_and_at_seeking(tmp_path: Path) -> None:
    records = three_epochs()
    path = write(tmp_path / "events.jsonl", records, {3: b"foreign\n", 7: b'{"v":1,"crc":"00000000"}\n\n'})
    recording = Recording(path)
    recording.extend()
    assert recording.num_corrupt == 2
    for place in range(len(records) + 1):
        assert snapshot(recording.state_at(place)) == snapshot(fold(records[:place]))


def test_a_recording_grows_with_its_log(tmp_path: Path) -> None:
    records = three_epochs()
    path = write(tmp_path / "events.jsonl", records[:5])
    recording = Recording(path)
    recording.extend()
    write(path, records)
    recording.extend()
    assert snapshot(recording.whole) == snapshot(fold(records))
    assert len(recording) == len(records)


def test_a_log_that_was_replaced_while_it_is_shown_says_so(tmp_path: Path) -> None:
    recording = Recording(write(tmp_path / "events.jsonl", three_epochs()))
    recording.extend()
    write(recording.path, three_epochs()[:5])
    with pytest.raises(StorageError, match="was replaced"):
        recording.extend()


def test_a_log_that_was_cut_since_says_so(tmp_path: Path) -> None:
    recording = Recording(write(tmp_path / "events.jsonl", three_epochs()))
    recording.extend()
    recording.path.write_bytes(b"")
    with pytest.raises(StorageError, match="has changed"):
        recording.state_at(5)
    recording.path.unlink()
    with pytest.raises(StorageError, match="cannot read"):
        recording.state_at(5)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0", 0), ("1", 5), ("epoch 2", 8), ("epoch=3", 11), ("step 0", 0), ("step 3", 4), ("step 4", 4), ("step 5", 6),
        ("step 12", 10), ("0:04", 5), ("4s", 5), ("0.1m", 7), ("best", 8), ("start", 0), ("end", 12), ("50%", 6),
    ],
)  # fmt: skip
def test_a_text_means_a_place(replay: ReplaySource, text: str, place: int) -> None:
    assert replay.place_of(text) == place


@pytest.mark.parametrize("text", ["", "soon", "step", "epoch x", "1:xx", "1:99:99", "%"])
def test_a_text_that_means_nothing_is_an_error(replay: ReplaySource, text: str) -> None:
    with pytest.raises(UsageError, match="no place"):
        replay.place_of(text)


@pytest.mark.parametrize(
    ("text", "there_is"),
    [
        ("99", "its epochs go from 0 to 3"), ("-1", "its epochs go from 0 to 3"),
        ("step 13", "its steps go from 0 to 12"), ("150%", "shares go from 0% to 100%"),
        ("nan%", "shares go from 0% to 100%"), ("9:00", r"its time goes from 0:00 to 0:\d\d"),
        ("1h", r"its time goes from 0:00 to 0:\d\d"),
    ],
)  # fmt: skip
def test_a_place_beyond_the_run_is_an_error_that_says_what_there_is(
    replay: ReplaySource, text: str, there_is: str
) -> None:
    with pytest.raises(UsageError, match=f'"{text}" is not in the run: {there_is}'):
        replay.place_of(text)


@pytest.mark.parametrize(
    "back",
    [
        ev.Resumed(attempt=1, from_step=4, from_epoch=1, checkpoint="c"),
        ev.RolledBack(from_step=4, from_epoch=1, reason="nan", plan=ev.LrPlan(steps=[], lr=[])),
    ],
    ids=["resumed", "rolled back"],
)
def test_steps_that_were_taken_back_are_marked_and_not_what_a_step_means(back: ev.Event, tmp_path: Path) -> None:
    replay = opened(tmp_path, story(run_started(), batches(0, 8), back, batches(4, 4)))
    assert [(moment.kind, moment.place) for moment in replay.recording.moments] == [("resumed", 3)]
    assert replay.place_of("step 6") == 4
    assert replay.place_of("step 4") == 2


def test_chunks_and_epochs_are_stepped_either_way(replay: ReplaySource) -> None:
    recording = replay.recording
    forward, place = [], 0
    while place < len(recording):
        place = recording.next_epoch(place, 1)
        forward.append(place)
    assert forward == [5, 8, 11, 12]
    assert [recording.next_epoch(place, -1) for place in (12, 11, 5, 0)] == [11, 8, 0, 0]
    assert [recording.next_chunk(place, 1) for place in (0, 3, 4, 11)] == [3, 4, 6, 12]
    assert [recording.next_chunk(place, -1) for place in (12, 6, 3, 0)] == [10, 4, 0, 0]


def test_playing_follows_the_clock_times_the_speed(tmp_path: Path) -> None:
    now = [100.0]
    replay = opened(tmp_path, three_epochs(), clock=lambda: now[0])
    replay.speed, replay.playing = 4.0, True
    assert [record.seq for record in replay.advance()] == [0]
    now[0] += 0.75  # three seconds of the run
    assert [record.seq for record in replay.advance()] == [1, 2, 3]
    now[0] += 50.0  # a laptop that slept: one second counts
    assert [record.seq for record in replay.advance()] == [4, 5, 6, 7]
    replay.toggle()
    now[0] += 0.5
    assert replay.advance() == []


def test_playing_ends_with_the_log_and_begins_again(tmp_path: Path) -> None:
    replay = opened(tmp_path, three_epochs())
    replay.speed, replay.playing = float("inf"), True
    while replay.playing:
        replay.advance()
    assert replay.at_end
    assert snapshot(replay.state) == snapshot(fold(three_epochs()))
    replay.toggle()
    assert (replay.place, replay.playing) == (0, True)


def test_a_rewound_run_goes_on_being_read(tmp_path: Path) -> None:
    records = three_epochs()
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    write(folder.events_file, records[:6])
    live = LiveSource(folder)
    live.advance()
    replay = ReplaySource(folder, live=live)
    replay.read_all()
    replay.seek(3)
    write(folder.events_file, records)
    replay.advance()
    assert (replay.place, len(replay.recording), live.state.num_records) == (3, 12, 12)
    assert snapshot(live.state) == snapshot(replay.recording.whole)


def test_speeds_go_up_and_down_and_stay_within_their_ends(replay: ReplaySource) -> None:
    names = []
    for direction in (1, 1, 1, -1, -1, -1, -1, -1):
        replay.change_speed(direction)
        names.append(speed_name(replay.speed))
    assert names == ["×64", "max", "max", "×64", "×16", "×4", "×1", "×1"]


@pytest.mark.parametrize(("text", "speed"), [("×16", 16), ("x4", 4), ("0.5", 0.5), ("max", float("inf"))])
def test_a_speed_is_written_in_several_ways(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-3", "nan"])
def test_what_is_no_speed_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="no speed"):
        parse_speed(text)


def test_why_there_is_nothing_to_replay(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    missing = ReplaySource(folder)
    missing.read_all()
    assert "no run folder" in missing.problem
    folder.path.mkdir()
    assert "has no events.jsonl" in missing.problem
    folder.events_file.touch()
    assert "is empty" in missing.problem
    folder.events_file.write_bytes(b"hello\nworld\n")
    foreign = ReplaySource(folder)
    foreign.read_all()
    assert "2 damaged or foreign lines" in foreign.problem
    newer = b'{"v":99,"seq":0,"crc":"'
    import zlib

    head = newer.partition(b',"crc"')[0]
    folder.events_file.write_bytes(head + b',"crc":"%08x"}\n' % zlib.crc32(head))
    with pytest.raises(StorageError, match="newer cifar-tui"):
        ReplaySource(folder).read_all()
