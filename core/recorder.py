"""Append events to `events.jsonl`: whole lines, checked, never at the price of the training.

A line goes out in one `write` on an O_APPEND descriptor. Where the disk is full or the write is short, the file is cut
back to its last whole line, the event is counted as dropped, training goes on, and a notice says so once the disk takes
lines again. Durability is bought by `sync`: the trainer's background thread calls it every few seconds, so that a slow
file system never holds up a step, and `emit` calls it at an epoch's end and before a checkpoint is announced, so that
nobody goes on from a checkpoint whose history was lost.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.codec import encode
from core.errors import StorageError
from core.events import CheckpointSaved, EpochEnded, Event, Notice, Record, RunEnded

Subscriber = Callable[[Record], None]


class Recorder:
    """The one writer of a run's events. Safe to call from several threads.

    Args:
        path: the file; created if missing. Its torn last line, if any, is cut off.
        attempt: number of this attempt at the run, from 1.
        next_seq: sequence number of the first event written here.
        wall, mono: clocks, in seconds; tests inject their own.

    Raises:
        StorageError: the file cannot be opened for writing.
    """

    def __init__(
        self,
        path: Path,
        *,
        attempt: int = 1,
        next_seq: int = 0,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.attempt = attempt
        self.dropped = 0
        self._reported = 0
        self._next_seq = next_seq
        self._wall, self._mono = wall, mono
        self._lock = threading.RLock()
        self._syncing = threading.Lock()
        self._subscribers: list[Subscriber] = []
        self._dirty = False
        self._torn = False
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._size = _cut_torn_line(self._descriptor)
        except OSError as error:
            raise StorageError(f"cannot write the event log {path}: {error.strerror}") from error

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every record from now on, in the emitting thread."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Number, stamp and append an event, then hand it to the subscribers."""
        if isinstance(event, CheckpointSaved):
            self.sync()
        self._emit(event)
        if isinstance(event, EpochEnded | RunEnded):
            self.sync()

    def _emit(self, event: Event) -> bool:
        with self._lock:
            record = Record(seq=self._next_seq, wall=self._wall(), mono=self._mono(), attempt=self.attempt, event=event)
            self._next_seq += 1
            written = self._append(encode(record))
            for subscriber in self._subscribers:
                subscriber(record)
            if written and self.dropped > self._reported:
                told, self._reported = self._reported, self.dropped
                count = self.dropped - told
                noun = "event" if count == 1 else "events"
                text = f"{count} {noun} could not be written to {self.path.name}"
                if not self._emit(Notice(level="warning", text=text)):
                    self._reported = told  # nobody will read it: the next one says it all
            return written

    def sync(self) -> None:
        """Make everything emitted so far durable (fdatasync)."""
        with self._syncing:  # what another thread is about to make durable is not yet
            with self._lock:
                if not self._dirty or self._descriptor < 0:
                    return
                try:
                    descriptor = os.dup(self._descriptor)
                except OSError:
                    return  # no descriptor is free: the next call makes up for it
                self._dirty = False
            # Outside that lock: a slow disk must not hold up emit().
            with contextlib.suppress(OSError):  # a disk that cannot sync cannot be told so in its own log
                os.fdatasync(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Sync and close. Later events are handed to the subscribers only."""
        self.sync()
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _append(self, line: bytes) -> bool:
        if self._descriptor < 0:
            return False
        if self._torn:
            line = b"\n" + line
        try:
            count = os.write(self._descriptor, line)
        except OSError:
            count = 0
        if count == len(line):
            self._size += count
            self._dirty, self._torn = True, False
            return True
        self.dropped += 1
        if count > 0:
            try:
                os.ftruncate(self._descriptor, self._size)
            except OSError:
                self._size += count
                self._torn = True  # the next line starts on a line of its own, and the checksum exposes this one
        return False


def _cut_torn_line(descriptor: int) -> int:
    """Truncate to the end of the last whole line and return that size in bytes."""
    size = os.fstat(descriptor).st_size
    position, block = size, 1 << 16
    while position > 0:
        start = max(0, position - block)
        newline = os.pread(descriptor, position - start, start).rfind(b"\n")
        if newline >= 0:
            position = start + newline + 1
            break
        position = start
    if position != size:
        os.ftruncate(descriptor, position)
    return position
