"""A recorded run, ready to be shown as it was after any of its records.

One pass over the log folds it, keeps where each record's line ends, and every so often a fork of the state. The state
after record k is then a fork of the last one kept before it and a few hundred records more: it equals a fresh fold of
the first k records in every attribute, and is there in milliseconds however long the run was.
"""

from __future__ import annotations

import bisect
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core import events as ev
from core.codec import CorruptLineError, decode
from core.errors import StorageError
from core.events import Record
from core.paths import open_plain
from core.reader import EventReader
from core.state import RunState

KEEP_EVERY = 512
"""Records between two states kept: about 10 ms of decoding and folding."""
_KEEP_BYTES = 256 << 10
"""Of the log, likewise: a record may hold a thousand steps, or the confusion of a hundred classes."""

EventKind = Literal["epoch", "checkpoint", "command", "pause", "unpause", "resumed", "ended"]


@dataclass(frozen=True)
class Moment:
    """Something that a seek bar marks."""

    kind: EventKind
    place: int
    """Records up to and with it."""
    seconds: float
    """The run's time."""
    epoch: int
    letter: str = ""
    """Of a command: what it was."""


class Recording:
    """An index over the log of a run; it grows with the log.

    A place is a number of records: place 0 is before the first one, `len(recording)` the present.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.whole = RunState()
        """After all records read so far. Not to be changed."""
        self.moments: list[Moment] = []
        self.seconds = array("d")
        """The run's time after each record."""
        self.steps = array("q")
        """Steps done after each record."""
        self.chunks = array("q")
        """Places just after a chunk of training steps."""
        self._ends = array("q", [0])
        self._kept: list[tuple[int, RunState]] = [(0, RunState())]
        self._reader = EventReader(path)

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def num_corrupt(self) -> int:
        """Damaged lines passed over."""
        return self._reader.num_corrupt

    def extend(self, limit_bytes: int | None = None) -> bool:
        """Read what is new, at most about `limit_bytes`; whether there may be more.

        Raises:
            StorageError: the log cannot be read or is of a newer schema.
        """
        reader, whole = self._reader, self.whole
        ends, seconds, steps, chunks = self._ends, self.seconds, self.steps, self.chunks
        before, place = reader.offset, len(self)
        kept = self._kept[-1][0]
        for record in reader.follow(limit_bytes):
            if reader.offset < ends[-1]:
                raise StorageError(f"{self.path} was replaced while it was shown: open it again")
            whole.apply(record)
            place += 1
            ends.append(reader.offset)
            seconds.append(whole.seconds)
            steps.append(whole.step)
            if isinstance(record.event, ev.Batches):
                chunks.append(place)
            else:
                self._mark(record)
            if place - kept >= KEEP_EVERY or ends[-1] - ends[kept] >= _KEEP_BYTES:
                kept = place
                self._kept.append((place, whole.fork()))
        return limit_bytes is not None and reader.offset - before >= limit_bytes

    def _mark(self, record: Record) -> None:
        event, kind, letter = record.event, "", ""
        match event:
            case ev.EpochEnded():
                kind = "epoch"
            case ev.CheckpointSaved():
                kind = "checkpoint"
            case ev.CommandHandled(status="done"):
                kind, letter = "command", event.name
            case ev.Paused():
                kind = "pause"
            case ev.Unpaused():
                kind = "unpause"
            case ev.Resumed() | ev.RolledBack():
                kind = "resumed"
            case ev.RunEnded():
                kind = "ended"
            case _:
                return
        place, whole = len(self), self.whole
        self.moments.append(Moment(kind, place, whole.seconds, whole.epoch, letter))  # type: ignore[arg-type]

    # -- states -------------------------------------------------------------------------------------------------------

    def state_at(self, place: int) -> RunState:
        """The run after its first `place` records, as a state of its own."""
        at, kept = self._kept[bisect.bisect_right(self._kept, place, key=lambda item: item[0]) - 1]
        state = kept.fork()
        for record in self.records(at, place):
            state.apply(record)
        return state

    def records(self, first: int, end: int) -> list[Record]:
        """Records `first` up to `end`, read from the log again.

        Raises:
            StorageError: the log has gone, or is no longer what it was.
        """
        if end <= first:
            return []
        start, stop = self._ends[first], self._ends[end]
        try:
            with open_plain(self.path) as file:
                file.seek(start)
                data = file.read(stop - start)
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}") from error
        found = []
        for line in data.split(b"\n"):
            try:
                if line:
                    found.append(decode(line))
            except CorruptLineError:
                continue  # passed over by the first reading too
        if len(found) != end - first:
            raise StorageError(f"{self.path} has changed since it was opened: open it again")
        return found

    # -- places -------------------------------------------------------------------------------------------------------

    def place_of_time(self, seconds: float) -> int:
        """The place of all that happened up to a time of the run."""
        return bisect.bisect_right(self.seconds, seconds)

    def place_of_step(self, step: int) -> int:
        """The first place at which so many steps are done for good: steps that were taken back do not count."""
        low = len(self)
        while low > 0 and self.steps[low - 1] >= step:  # C speed is not worth it: backwards it ends at the step
            low -= 1
        return min(low + 1, len(self)) if step > 0 else 0

    def place_of_epoch(self, epoch: int) -> int:
        """Just after an epoch has ended (for good); epoch 0 is the start. Beyond the last one it is the present.

        An epoch of the run that this one was forked from is where this one begins.
        """
        if epoch <= 0:
            return 0
        places = [moment.place for moment in self.moments if moment.kind == "epoch" and moment.epoch == epoch]
        if places:
            return places[-1]
        origins = (moment.place for moment in self.moments if moment.kind == "resumed" and moment.epoch >= epoch)
        return next(origins, len(self))

    def place_of_best(self) -> int | None:
        """Just after the best epoch so far; None before the first one."""
        best = self.whole.best
        return self.place_of_epoch(best.epoch) if best else None

    def next_chunk(self, place: int, direction: int) -> int:
        """The place after the next chunk of steps, or after the one before."""
        if direction > 0:
            index = bisect.bisect_right(self.chunks, place)
            return self.chunks[index] if index < len(self.chunks) else len(self)
        index = bisect.bisect_left(self.chunks, place)
        return self.chunks[index - 1] if index > 0 else 0

    def next_epoch(self, place: int, direction: int) -> int:
        """The place after the next epoch has ended, or after the one before."""
        places = [moment.place for moment in self.moments if moment.kind == "epoch"]
        if direction > 0:
            index = bisect.bisect_right(places, place)
            return places[index] if index < len(places) else len(self)
        index = bisect.bisect_left(places, place)
        return places[index - 1] if index > 0 else 0
