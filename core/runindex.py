"""All runs of a runs folder, listed fast.

A run's row costs a fold of its log. That of a log that has not changed is kept in `runs/.index`, one file for all, by
size and modification time of the log and of the manifest; a log that has grown since it was last read goes on from
where it was. `scan` looks at the folder, `read` takes what time it is given: a list is there at once and fills.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.codec import UNDECODABLE
from core.errors import CifarTuiError, StorageError
from core.paths import read_plain
from core.reader import EventReader
from core.runfolder import RunFolder, write_atomically
from core.runnotes import Notes, read_notes
from core.runsummary import RunSummary, summarize
from core.state import RunState

_VERSION = 5
_NAME = ".index"
_FOLLOWED_BYTES = 1 << 30
"""States of growing runs are kept to go on from, until their logs are this large together."""

Stamp = tuple[int, int, int, int, int]
"""Size and modification time (ns) of the log and of the manifest, and modification time of the notes."""


class _Entry(msgspec.Struct, array_like=True):
    stamp: Stamp
    summary: RunSummary
    notes: Notes


class _Index(msgspec.Struct, array_like=True):
    version: int
    entries: dict[str, _Entry]


@dataclass
class _Followed:
    reader: EventReader
    state: RunState


class RunIndex:
    """The runs of a folder.

    Attributes:
        summaries: a row a run, by id. A run that has not been read yet has its id only, one that cannot be read says
            why in `problem`.
        notes: tags and notes by id.

    Args:
        runs_dir: where the runs are.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self.summaries: dict[str, RunSummary] = {}
        self.notes: dict[str, Notes] = {}
        self.unread: dict[str, Stamp] = {}
        """Runs to be read, again or for the first time."""
        self.problem = ""
        """Why the folder itself cannot be read."""
        self._entries = self._load()
        self._followed: dict[str, _Followed] = {}
        self._dirty = False

    def folder(self, run_id: str) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.runs_dir / run_id)

    def scan(self) -> None:
        """See which runs there are, and which have changed and are to be read."""
        names = self._names()
        for name in {*self.summaries, *self._entries} - names:
            for known in (self.summaries, self.notes, self.unread, self._entries, self._followed):
                known.pop(name, None)
            self._dirty = True
        for name in names:
            stamp, problem = _stamp(self.runs_dir / name)
            entry = self._entries.get(name)
            if problem:
                self.summaries[name], self.notes[name] = RunSummary(id=name, problem=problem), Notes()
                self.unread.pop(name, None)
            elif entry is not None and entry.stamp == stamp:  # what is listed may be that it was broken for a while
                self.summaries[name], self.notes[name] = entry.summary, entry.notes
            else:
                self.summaries.setdefault(name, entry.summary if entry else RunSummary(id=name))
                self.notes.setdefault(name, entry.notes if entry else Notes())
                self.unread[name] = stamp

    def read(self, seconds: float = float("inf"), clock: Callable[[], float] = time.perf_counter) -> None:
        """Read what has changed, newest names first, for about so many seconds, but one run at least."""
        begun = clock()
        for name in sorted(self.unread, reverse=True):
            self._read_one(name, self.unread.pop(name))
            if clock() - begun >= seconds:
                break

    def save(self) -> None:
        """Keep what was read. A folder that cannot be written is no reason to bother anyone."""
        if self._dirty:
            self._dirty = False
            # Names of other encodings, which no text can hold, are read anew each time.
            kept = {name: entry for name, entry in self._entries.items() if name.isprintable()}
            with contextlib.suppress(StorageError):
                write_atomically(self.runs_dir / _NAME, msgspec.msgpack.encode(_Index(_VERSION, kept)))

    def _read_one(self, name: str, stamp: Stamp) -> None:
        folder = self.folder(name)
        self.notes[name] = read_notes(folder.path)
        followed = self._followed.pop(name, None) or _Followed(EventReader(folder.events_file), RunState())
        reader, state = followed.reader, followed.state
        try:
            if reader.offset > stamp[0]:  # the log was replaced by a shorter one
                reader, state = EventReader(folder.events_file), RunState()
            for record in reader.follow():
                state.apply(record)
            self.summaries[name] = summary = summarize(folder, state, reader.num_corrupt)
        except CifarTuiError as error:
            self.summaries[name] = RunSummary(id=name, problem=str(error))
            return
        self._entries[name] = _Entry(stamp, summary, self.notes[name])
        self._dirty = True
        if state.ended is None and sum(one.reader.offset for one in self._followed.values()) < _FOLLOWED_BYTES:
            self._followed[name] = _Followed(reader, state)

    def _names(self) -> set[str]:
        try:
            with os.scandir(self.runs_dir) as entries:
                names = {entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry)}
        except FileNotFoundError:
            names = set()
        except OSError as error:
            self.problem = f"cannot read {self.runs_dir}: {error.strerror}"
            return set()
        self.problem = ""
        return names

    def _load(self) -> dict[str, _Entry]:
        try:
            index = msgspec.msgpack.decode(read_plain(self.runs_dir / _NAME), type=_Index)
        except (OSError, *UNDECODABLE):
            return {}
        return index.entries if index.version == _VERSION else {}


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() or entry.is_symlink()  # a link that leads nowhere is named, not hidden
    except OSError:
        return True  # a loop of links


def _stamp(path: Path) -> tuple[Stamp, str]:
    sizes: list[int] = []
    try:
        for name in ("events.jsonl", "run.json"):
            try:
                found = os.stat(path / name)
            except FileNotFoundError:
                sizes += [-1, 0]
                continue
            if not stat.S_ISREG(found.st_mode):
                return (0, 0, 0, 0, 0), f"{name} is not a plain file"
            sizes += [found.st_size, found.st_mtime_ns]
        if sizes[0] == sizes[2] == -1:
            if not path.exists():
                return (0, 0, 0, 0, 0), "the link leads nowhere"
            return (0, 0, 0, 0, 0), "not a run: there is neither run.json nor events.jsonl"
        try:
            sizes.append(os.stat(path / "notes.json").st_mtime_ns)
        except FileNotFoundError:
            sizes.append(0)
    except OSError as error:  # no permission, a loop of links, a network drive that went away
        return (0, 0, 0, 0, 0), f"cannot be read: {error.strerror}"
    size, changed, manifest_size, manifest_changed, noted = sizes
    return (size, changed, manifest_size, manifest_changed, noted), ""
