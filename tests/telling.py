"""A run told event by event, for tests of its fold and of what is said of it."""

from __future__ import annotations

import itertools

from core import events as ev
from core.state import RunState
from tests.strategies import batches, run_started

STARTED = (run_started(), ev.PhaseChanged(phase="training"))
"""The beginning of three epochs of four steps."""
EPOCH = ev.EpochEnded(
    epoch=1, step=4, train_loss=1.5, train_accuracy=0.25,
    validation=ev.Evaluation(loss=1.25, top1=0.75, top5=0.95, confusion=[[3, 1], [0, 4]], seconds=2.0),
    lr=0.0125, seconds=4.0, images_per_second=1234.4,
)  # fmt: skip
"""The end of the first of them, the best so far."""
ENDED = ev.RunEnded(status="finished", step=12, epoch=3, reason="all epochs are done", seconds=61.25)
"""The end of the run."""


def stamped(*events: ev.Event) -> list[ev.Record]:
    """Records of events that are a second apart."""
    return [
        ev.Record(seq=seq, wall=1.5e9 + seq, mono=float(seq), attempt=1, event=event)
        for seq, event in enumerate(events)
    ]


def told(*events: ev.Event) -> RunState:
    """The state after such events."""
    state = RunState()
    for record in stamped(*events):
        state.apply(record)
    return state


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
