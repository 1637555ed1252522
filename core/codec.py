"""The line of `events.jsonl` that carries an event: one JSON object with a checksum.

    {"v":1,"seq":7,"wall":1763712000.1,"mono":5123.4,"attempt":1,"event":{"kind":"paused",...},"crc":"89abcdef"}

`wall` is seconds since the epoch, `mono` seconds of the trainer's monotonic clock (comparable within an attempt only),
`crc` the CRC-32 of all bytes of the line before `,"crc"`. JSON has no NaN or infinity: they are spelled as the strings
"NaN", "Infinity" and "-Infinity". Where a field takes anything (`config`), such a number comes back as that text.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import msgspec

from core.events import Record

SCHEMA_VERSION = 1
_HEAD = b'{"v":%d,' % SCHEMA_VERSION
_CRC = b',"crc":"%08x"}'
_CRC_BYTES = len(_CRC % 0)

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes that are not what they should be: also of a thousand brackets."""


class CorruptLineError(ValueError):
    """A line whose checksum or content is wrong."""


class NewerSchemaError(ValueError):
    """A line written by a newer version of cifar-tui."""


class _Version(msgspec.Struct, frozen=True):
    v: int


_encoder = msgspec.json.Encoder()
# Not strict: that is what lets the strings "NaN" and "Infinity" be read as numbers.
_decoder = msgspec.json.Decoder(Record, strict=False)
_version_decoder = msgspec.json.Decoder(_Version)


def encode(record: Record) -> bytes:
    """One line with its checksum and newline."""
    head = _HEAD + to_json(record)[1:-1]
    return head + _CRC % zlib.crc32(head) + b"\n"


def to_json(value: object) -> bytes:
    """Plain JSON. What that cannot hold, as NaN and the names of some files, is spelled out as in the log."""
    try:
        body = _encoder.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair: a file name that is not UTF-8 found its way into a text
        body = b"null"
    if b"null" in body:  # msgspec writes non-finite numbers as null; only then is the slow walk needed
        body = _encoder.encode(spell_out(msgspec.to_builtins(value)))
    return body


def decode(line: bytes) -> Record:
    """The record of a whole line.

    Raises:
        CorruptLineError: the checksum does not fit or the content is not an event.
        NewerSchemaError: the line is sound but its schema is newer than this program.
    """
    line = line.rstrip(b"\n")
    if line[-_CRC_BYTES:] != _CRC % zlib.crc32(line[:-_CRC_BYTES]):
        raise CorruptLineError("the checksum does not fit")
    if not line.startswith(_HEAD):
        _check_version(line)
    try:
        return _decoder.decode(line)  # what is no field of a record, as the checksum, is passed over
    except UNDECODABLE as error:
        raise CorruptLineError(str(error)) from error


def _check_version(line: bytes) -> None:
    try:
        version = _version_decoder.decode(line).v
    except UNDECODABLE as error:
        raise CorruptLineError(str(error)) from error
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(f"schema version {version}; this program reads up to {SCHEMA_VERSION}")


def spell_out(value: Any) -> Any:
    """Plain values as JSON can hold them: numbers that are not finite as strings, text that is no Unicode escaped."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {spell_out(key): spell_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_out(item) for item in value]
    return value
