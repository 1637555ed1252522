"""Where the run screen gets its run from. It asks a source for what is new and reads the source's state; whether the
events come from a trainer at work or from a recording is the source's business."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Protocol

from core.errors import StorageError
from core.events import Record
from core.paths import open_plain
from core.reader import EventReader
from core.runfolder import RunFolder
from core.runsummary import has_died, has_trainer
from core.state import RunState
from tui.spawn import Trainer

_SLICE_BYTES = 4 << 20
"""Read at once, about 0.1 s of work: a long log must not hold up the keys while it is read in."""
_TAIL_BYTES = 1 << 16


class Source(Protocol):
    """A run as far as it is known."""

    folder: RunFolder
    state: RunState
    frozen: bool
    """While true, `state` stays as it is."""

    @property
    def is_live(self) -> bool:
        """Whether a trainer may still add to the run, so that commands make sense."""

    @property
    def has_died(self) -> bool:
        """Whether the run has not ended, and its trainer is gone."""

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read right now."""

    @property
    def problem(self) -> str:
        """Why there is nothing to show, as sentences; empty where there is."""

    @property
    def shown_wall(self) -> float | None:
        """Seconds since the epoch at which the picture is taken; None for the present."""

    def advance(self) -> list[Record]:
        """Records seen since the last call. They are in `state`, unless it is frozen.

        Raises:
            StorageError: the run cannot be read.
        """

    def look_for_trainer(self, now_wall: float) -> None:
        """Bring `has_died` up to date, at so many seconds since the epoch."""


@dataclass
class LiveSource:
    """The log of a run, followed as it grows."""

    folder: RunFolder
    trainer: Trainer | None = None
    """The process that this viewer started, if it did."""
    state: RunState = field(default_factory=RunState)
    frozen: bool = False
    has_died: bool = False
    _has_left: bool = False
    _old_bytes: int = 0
    """What the log held before this viewer's trainer could write to it."""
    _held: list[Record] = field(default_factory=list)
    _is_behind: bool = False
    _failure: str = ""
    _is_gone: bool = False

    def __post_init__(self) -> None:
        self._reader = EventReader(self.folder.events_file)
        with contextlib.suppress(OSError):
            self._old_bytes = self.folder.events_file.stat().st_size

    @property
    def is_live(self) -> bool:
        """Until the run has ended, by its own word or without one."""
        return self.state.ended is None and not self.has_died

    @property
    def is_behind(self) -> bool:
        """While the first reading goes on."""
        return self._is_behind

    @property
    def num_corrupt(self) -> int:
        """Damaged lines passed over."""
        return self._reader.num_corrupt

    @property
    def problem(self) -> str:
        """What the trainer said before it died without a word in its log, or why the log cannot be read any more."""
        if self.trainer is not None and not self.trainer.is_running and not self._is_behind:
            if not self.state.num_records or (self._is_gone and self.state.run is None):
                return f"The run did not start. {self.trainer.last_words()}"
            if self._reader.offset <= self._old_bytes and self.trainer.exit_code != 0:
                return f"The run did not go on. {self.trainer.last_words()}"
        if self._is_gone:
            return (
                f"The run folder {self.folder.path} is gone: it was deleted or moved. A trainer that is still at work "
                "goes on, but nothing of it is kept."
            )
        return self._failure

    @property
    def shown_wall(self) -> float | None:
        """The present."""
        return None

    def advance(self) -> list[Record]:
        """Read what was added, at most some megabytes at once."""
        # Asked first: all that it wrote is then read.
        self._has_left = self.trainer is not None and not self.trainer.is_running
        before = self._reader.offset
        self._is_gone = before > 0 and not self.folder.path.is_dir()
        try:
            records = self._reader.poll(_SLICE_BYTES)
        except StorageError as error:
            self._failure = str(error)
            raise
        if records:
            self._failure = ""
        self._is_behind = self._reader.offset - before >= _SLICE_BYTES
        self._held += records
        if not self.frozen:
            for record in self._held:
                self.state.apply(record)
            self._held.clear()
        return records

    def look_for_trainer(self, now_wall: float) -> None:
        """Find out whether there is still somebody to end the run; a frozen picture stays as it is."""
        state = self.state
        if self._is_behind or self.frozen:
            return
        if self.trainer is None:
            self.has_died = has_died(self.folder, state, now_wall)
        else:  # which may not have begun to go on with a dead run, or have left it to another
            has_begun = state.ended is None and state.num_records > 0
            self.has_died = self._has_left and has_begun and not has_trainer(self.folder)


@dataclass
class TextTail:
    """The end of a growing text file, such as what the trainer printed."""

    folder: RunFolder
    lines: list[str] = field(default_factory=list)
    _offset: int = 0

    def advance(self) -> bool:
        """Read what was added; whether that was anything."""
        try:
            with open_plain(self.folder.log_file) as file:
                size = file.seek(0, 2)
                start = max(self._offset, size - _TAIL_BYTES) if size >= self._offset else 0
                file.seek(start)
                data = file.read(_TAIL_BYTES)
        except OSError:
            return False  # it appears with the first print
        whole, newline, _ = data.rpartition(b"\n")
        if not newline:
            return False
        self._offset = start + len(whole) + 1
        self.lines = [*self.lines, *whole.decode(errors="replace").split("\n")][-500:]
        return True
