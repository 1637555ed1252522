"""The codec: whatever an event holds comes back from its line, and no damaged line passes for a sound one."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core import events as ev
from core.codec import SCHEMA_VERSION, CorruptLineError, NewerSchemaError, decode, encode
from tests.strategies import KINDS, epoch_ended, events, records, run_started, same, values


def record(event: ev.Event, *, seq: int = 7) -> ev.Record:
    return ev.Record(seq=seq, wall=1.5e9, mono=12.25, attempt=2, event=event)


def line_of(body: dict[str, Any]) -> bytes:
    """A line with a checksum that fits, whatever it says."""
    head = json.dumps(body).encode()[:-1]
    return head + b',"crc":"%08x"}\n' % zlib.crc32(head)


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@given(data=st.data())
def test_any_event_survives_its_line(kind: type[ev.EventBase], data: st.DataObject) -> None:
    original = data.draw(records(values(kind)))
    assert same(decode(encode(original)), original)


@given(original=records())
def test_a_line_is_standard_json_with_one_newline_at_its_end(original: ev.Record) -> None:
    line = encode(original)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    parsed = json.loads(line, parse_constant=refuse_constant)
    assert parsed["event"]["kind"] == original.event.__struct_config__.tag
    assert parsed["seq"] == original.seq


@pytest.mark.parametrize(
    ("number", "spelled"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
    ids=lambda value: str(value),
)
def test_non_finite_numbers_are_spelled_out(number: float, spelled: str) -> None:
    event = ev.Heartbeat(step=1, last_step_age_seconds=number)
    line = encode(record(event))
    assert json.loads(line)["event"]["last_step_age_seconds"] == spelled
    assert same(decode(line).event, event)


def test_a_number_that_is_not_known_is_not_a_nan() -> None:
    event = ev.SystemSampled(cpu_percent=None, gpu_percent=math.nan)
    assert same(decode(encode(record(event))).event, event)


def test_in_free_form_settings_a_non_finite_number_comes_back_as_its_text() -> None:
    event = run_started(config={"a": [{"b": math.inf}]})
    decoded = decode(encode(record(event))).event
    assert isinstance(decoded, ev.RunStarted)
    assert decoded.config == {"a": [{"b": "Infinity"}]}


def test_a_text_that_is_not_unicode_is_written_readably() -> None:
    """A file whose name is not UTF-8 comes as half surrogate pairs; it must not end a training."""
    event = ev.Notice(level="error", text=b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert decode(encode(record(event))).event == ev.Notice(level="error", text="caf\\udce9")


@given(original=records(), data=st.data())
def test_a_flipped_bit_anywhere_is_detected(original: ev.Record, data: st.DataObject) -> None:
    line = bytearray(encode(original))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        decoded = decode(bytes(line))
    except CorruptLineError:
        return
    assert same(decoded, original)  # only the newline may change without harm
    assert line[:-1] == encode(original)[:-1]


def test_every_byte_of_a_line_counts() -> None:
    line = encode(record(ev.Notice(level="info", text='a "quoted" word,"crc":"00000000"')))
    for position in range(len(line) - 1):
        damaged = line[:position] + bytes([line[position] ^ 1]) + line[position + 1 :]
        with pytest.raises(CorruptLineError):
            decode(damaged)


@given(original=records(), data=st.data())
def test_a_line_cut_short_is_never_a_line(original: ev.Record, data: st.DataObject) -> None:
    line = encode(original)
    with pytest.raises(CorruptLineError):
        decode(line[: data.draw(st.integers(0, len(line) - 2))])


_BRACKETS = b'{"v":1,"x":' + b"[" * 3000 + b"]" * 3000


@given(noise=st.binary(max_size=200))
@example(noise=b"")
@example(noise=b'{"v":1,"crc":"00000000"}')
@example(noise=b'\xff,"crc":"%08x"}' % zlib.crc32(b"\xff"))
@example(noise=b'[[[[,"crc":"%08x"}' % zlib.crc32(b"[[[["))
@example(noise=_BRACKETS + b',"crc":"%08x"}' % zlib.crc32(_BRACKETS))
def test_noise_is_corrupt_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(CorruptLineError):
        decode(noise)


BODY = {"v": SCHEMA_VERSION, "seq": 1, "wall": 1.0, "mono": 1.0, "attempt": 1}


def test_fields_of_a_later_writer_are_passed_over() -> None:
    body = BODY | {"mood": "fine", "event": {"kind": "paused", "step": 3, "why": "coffee"}}
    assert decode(line_of(body)).event == ev.Paused(step=3)


@pytest.mark.parametrize(
    "event",
    [{"kind": "paused", "step": 3}, {"kind": "levitated", "height": 3}],
    ids=["a known kind", "an unknown kind"],
)
def test_a_newer_schema_is_told_apart_from_damage(event: dict[str, Any]) -> None:
    newer = SCHEMA_VERSION + 1
    with pytest.raises(NewerSchemaError, match=f"schema version {newer}; this program reads up to {SCHEMA_VERSION}"):
        decode(line_of(BODY | {"v": newer, "event": event}))


@pytest.mark.parametrize(
    "event",
    [{"kind": "levitated"}, {"kind": "paused"}, {"kind": "paused", "step": "many"}, {}, None],
    ids=["an unknown kind", "a missing field", "a field of another type", "no kind", "no event"],
)
def test_a_sound_line_that_holds_no_event_is_corrupt(event: Any) -> None:
    with pytest.raises(CorruptLineError):
        decode(line_of(BODY | {"event": event}))


@pytest.mark.parametrize(
    ("event", "odd"),
    [
        (epoch_ended(1, 4), {"validation": {"confusion": [[1, 1], [2]]}}),
        (epoch_ended(1, 4), {"validation": {"confusion": []}}),
        (run_started(), {"plan": {"lr": [0.1]}}),
        (run_started(), {"classes": []}),
        (run_started(), {"steps_per_epoch": 0}),
        (run_started(), {"superclasses": ["pet"], "superclass_of": [0]}),
        (run_started(), {"superclasses": ["pet"], "superclass_of": [0, 1]}),
        (run_started(), {"published": {"summary": "", "curves": [{"metric": "last_lr", "epochs": [1], "values": []}]}}),
    ],
    ids=["ragged", "empty", "half a plan", "no class", "no step", "class without", "group unknown", "half a curve"],
)
def test_a_sound_line_that_contradicts_itself_is_corrupt(event: ev.Event, odd: dict[str, Any]) -> None:
    told = json.loads(encode(record(event)))["event"]
    assert decode(line_of(BODY | {"event": told})).event == event
    for name, value in odd.items():
        told[name] = told[name] | value if isinstance(told[name], dict) else value
    with pytest.raises(CorruptLineError):
        decode(line_of(BODY | {"event": told}))


@given(event=events())
def test_events_are_frozen(event: ev.Event) -> None:
    name = event.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(event, name, getattr(event, name))
