"""Scalars of many steps as records of a TensorBoard event file, made for all steps at once.

The package's own writer spends some 50 µs a record, most of it on a checksum computed byte by byte: a minute for a
million steps. Records of one kind differ in their time, step and values only, so here one event is serialised by the
package, and copies of it are filled in and checksummed column by column in numpy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint32]
_ROWS = 1 << 14
"""Records made at once: their columns stay in the processor's cache."""
_WALL, _STEP = 1, 10
"""Where an event's time and step lie: each follows the byte that names its field, and they come first."""


def scalar_records(
    walls: NDArray[np.float64],
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
    tags: Sequence[str],
    serialized: Callable[[float, int, dict[str, float]], bytes],
) -> Iterator[bytes]:
    """Records, several thousand in each piece of bytes.

    Args:
        walls: seconds since the epoch, N.
        steps: ascending, N.
        values: T x N.
        tags: T different names.
        serialized: the event of a time, a step and the values of the tags.
    """
    # Seven bits of a step to a byte: steps of equal length make events of equal length.
    lengths = np.maximum((np.frexp(steps.astype(np.float64))[1] + 6) // 7, 1)
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(steps)]
    for first, end in itertools.pairwise(cuts if len(steps) else []):
        length = int(lengths[first])
        event = serialized(1.0, 1 << 7 * (length - 1), dict.fromkeys(tags, 1.0))
        template = np.frombuffer(event, np.uint8)
        for start in range(first, end, _ROWS):
            rows = slice(start, min(start + _ROWS, end))
            yield _records(template, walls[rows], steps[rows], values[:, rows], tags, length)


def _records(
    template: Bytes,
    walls: NDArray[np.float64],
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
    tags: Sequence[str],
    length: int,
) -> bytes:
    event = np.repeat(template[:, None], len(steps), axis=1)  # a column a record
    event[_WALL : _WALL + 8] = _columns(walls.astype("<f8"))
    for place in range(length):
        more = 0x80 if place < length - 1 else 0
        event[_STEP + place] = (steps >> 7 * place) & 0x7F | more
    text = template.tobytes()
    with np.errstate(over="ignore"):
        narrow = values.astype("<f4")
    for tag, row in zip(tags, narrow, strict=True):
        at = text.index(tag.encode()) + len(tag) + 1  # the byte between names the field
        event[at : at + 4] = _columns(row)
    size = _columns(np.array([len(template)], "<u8"))
    head = np.concatenate((size, _columns(_masked_crc32c(size))))
    heads = np.repeat(head, len(steps), axis=1)
    return np.concatenate((heads, event, _columns(_masked_crc32c(event)))).T.tobytes()


def _columns(numbers: NDArray[np.generic]) -> Bytes:
    """The bytes of N numbers, a column a number."""
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), -1).T


def _table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return table


_TABLE = _table()


def _masked_crc32c(data: Bytes) -> Words:
    """The checksum of each column, as the records of TensorFlow have it (CRC-32C, turned by 15 bits, and offset)."""
    crc = np.full(data.shape[1], 0xFFFFFFFF, np.uint32)
    for row in data:
        crc = _TABLE[(crc ^ row) & 0xFF] ^ (crc >> 8)
    crc = ~crc
    return ((crc >> 15 | crc << 17) + np.uint32(0xA282EAD8)).astype("<u4")
