"""Recorders of notices, and the notices in a log."""

from __future__ import annotations

from pathlib import Path

from core import events as ev
from core.reader import read_all
from core.recorder import Recorder


def open_at(path: Path, **place: int) -> Recorder:
    """A recorder whose clocks tick with each event."""
    ticks = iter(range(10**6))
    return Recorder(path, wall=lambda: 1.5e9, mono=lambda: next(ticks) / 8, **place)


def notice(text: str) -> ev.Notice:
    """An event that can be told from others."""
    return ev.Notice(level="info", text=text)


def texts(path: Path) -> list[str]:
    """Of the notices in a log."""
    return [record.event.text for record in read_all(path) if isinstance(record.event, ev.Notice)]
