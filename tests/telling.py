"""A run told event by event, for tests of its fold."""

from __future__ import annotations

import itertools

from core import events as ev
from core.state import RunState
from tests.strategies import batches


class Log:
    """A run told event by event, with clocks that the test sets."""

    def __init__(self) -> None:
        self.state = RunState()
        self.attempt = 1
        self.mono = 500.0
        self.wall = 1.5e9
        self._seq = itertools.count()

    def tell(self, *events: ev.Event, after: float = 0.0) -> RunState:
        """Each event comes `after` seconds after the one before."""
        for event in events:
            self.mono += after
            self.wall += after
            self.state.apply(
                ev.Record(seq=next(self._seq), wall=self.wall, mono=self.mono, attempt=self.attempt, event=event)
            )
        return self.state

    def new_attempt(self, *, mono: float) -> None:
        """Another process begins; its monotonic clock has nothing to do with the one before."""
        self.attempt += 1
        self.mono = mono
        self.tell(ev.PhaseChanged(phase="starting"))


def train(log: Log, first_step: int, count: int, *, seconds: float, epoch: int = 1) -> None:
    """Steps that end `seconds` later."""
    log.tell(batches(first_step, count, epoch=epoch, seconds=seconds), after=seconds)
