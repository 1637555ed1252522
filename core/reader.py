"""Read `events.jsonl` while it grows or after it has ended, and lose as little as possible of a damaged one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.codec import CorruptLineError, NewerSchemaError, decode
from core.errors import StorageError
from core.events import Record
from core.paths import open_plain

_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 256  # hold the time of a log's first record: what begins with them is the same log, or a later copy of it


class EventReader:
    """Follow an event log.

    `poll` returns what was added since the last call. A last line without its newline is waited for: it may still be
    under way. A corrupt line costs that line and is counted in `num_corrupt`; one of a newer schema stops the reading
    with an error, since what follows could not be understood.

    Args:
        path: the log; it may not exist yet.

    Raises:
        StorageError: from `poll`, where the file cannot be read or is of a newer schema.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_corrupt = 0
        self.offset = 0
        """Bytes read as whole lines so far."""
        self._head = b""

    def poll(self, limit_bytes: int | None = None) -> list[Record]:
        """Records added since the last call; at most about `limit_bytes` of the file."""
        return list(self.follow(limit_bytes))

    def follow(self, limit_bytes: int | None = None) -> Iterator[Record]:
        """The same one by one; `offset` is then the end of the record's line."""
        for line in self._lines(limit_bytes):
            try:
                yield decode(line)
            except CorruptLineError:
                self.num_corrupt += 1
            except NewerSchemaError as error:
                raise StorageError(
                    f"{self.path} was written by a newer cifar-tui ({error}): update to read it"
                ) from error

    def _lines(self, limit_bytes: int | None) -> Iterator[bytes]:
        try:
            with open_plain(self.path) as file:
                head = file.read(_HEAD_BYTES)
                if not head.startswith(self._head[: self.offset]) or os.fstat(file.fileno()).st_size < self.offset:
                    self.offset = 0  # replaced by another log: read that one from its start
                self._head = head
                file.seek(self.offset)
                end = None if limit_bytes is None else self.offset + limit_bytes
                rest = b""
                while block := file.read(_BLOCK_BYTES):
                    *lines, rest = (rest + block).split(b"\n")
                    for line in lines:
                        self.offset += len(line) + 1
                        if line:
                            yield line
                    if end is not None and self.offset >= end:
                        return
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}") from error


def read_all(path: Path) -> list[Record]:
    """All sound records of a log."""
    return EventReader(path).poll()
