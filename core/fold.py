"""A run's log as the state that it tells."""

from __future__ import annotations

from pathlib import Path

from core.reader import read_all
from core.state import RunState


def fold(events_file: Path) -> RunState:
    """The state after all sound records of a log.

    Raises:
        StorageError: it cannot be read.
    """
    state = RunState()
    for record in read_all(events_file):
        state.apply(record)
    return state
