"""A run to race against: an earlier one, or the published curve. Drawn under the live curves, and measured against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import events as ev
from core.compare import time_to_reach
from core.errors import UsageError
from core.fold import fold
from core.runfolder import find_run
from core.state import RunState
from tui.render import numbers

Floats = NDArray[np.float64]
PUBLISHED = "published"


@dataclass(frozen=True, eq=False)
class Ghost:
    """Curves by epoch. `seconds` is the run's time at the end of each epoch; empty where that is not known."""

    name: str
    epochs: Floats
    seconds: Floats
    top1: Floats
    loss: Floats

    def x(self, steps_per_epoch: int, *, by_time: bool) -> Floats:
        """Where its points lie on the axis of a run: epoch by epoch, or by the clock."""
        return self.seconds if by_time else self.epochs * steps_per_epoch


def ghost_of_run(name: str, state: RunState) -> Ghost:
    """An earlier run as a ghost.

    Raises:
        UsageError: no epoch of it has ended.
    """
    if not state.epochs:
        raise UsageError(f"{name} cannot be raced against: no epoch of it has ended")
    ends = _ends(state)
    known = all(epoch.epoch in ends for epoch in state.epochs)
    return Ghost(
        name,
        np.array([float(epoch.epoch) for epoch in state.epochs]),
        np.array([ends[epoch.epoch] for epoch in state.epochs] if known else state.epoch_seconds, np.float64),
        np.array([epoch.validation.top1 for epoch in state.epochs]),
        np.array([epoch.validation.loss for epoch in state.epochs]),
    )


def find_ghost(runs_dir: Path, name: str) -> Ghost:
    """What `--ghost` means: a run, or `published`, whose curve comes with the run that races it.

    Raises:
        UsageError: there is no such run, or no epoch of it has ended.
        StorageError: it cannot be read.
    """
    if name == PUBLISHED:
        return Ghost(PUBLISHED, *(np.empty(0) for _ in range(4)))
    folder = find_run(runs_dir, name)
    return ghost_of_run(folder.id, fold(folder.events_file))


def published_ghost(published: ev.Published | None) -> Ghost | None:
    """The published validation curve; None where none was published."""
    curves = {curve.metric: curve for curve in published.curves} if published else {}
    top1 = curves.get("validation_top1")
    if published is None or top1 is None:
        return None
    epochs = np.asarray(top1.epochs, np.float64)
    seconds = epochs / epochs[-1] * published.seconds if published.seconds and len(epochs) else np.empty(0)
    loss = curves.get("validation_loss")
    losses = np.interp(epochs, loss.epochs, loss.values) if loss else np.full(len(epochs), np.nan)
    return Ghost(PUBLISHED, epochs, seconds, np.asarray(top1.values, np.float64), losses)


def lead(state: RunState, ghost: Ghost, *, by_time: bool) -> str:
    """How far ahead or behind: in seconds by the clock, in points at the same epoch otherwise. Empty at first."""
    best = state.best
    if best is None:
        return ""
    if by_time:
        reached = _ends(state).get(best.epoch)
        if reached is None:
            return ""
        other = time_to_reach(ghost.seconds.tolist(), ghost.top1.tolist(), best.top1)
        if other is None:
            return "better than it ever was"
        return _ahead(numbers.duration(abs(other - reached)), other - reached)
    last = state.epochs[-1]
    if last.epoch > ghost.epochs[-1]:
        return ""
    then = float(np.interp(last.epoch, ghost.epochs, ghost.top1))
    gain = last.validation.top1 - then
    return _ahead(f"{100 * abs(gain):.1f} points", gain)


def _ends(state: RunState) -> dict[int, float]:
    """The run's time at the end of each epoch that its log still tells of; of one trained again, the later time."""
    return {timed.event.epoch: timed.seconds for timed in state.log if isinstance(timed.event, ev.EpochEnded)}


def _ahead(how_much: str, sign: float) -> str:
    return "level" if abs(sign) < 1e-9 else f"{how_much} {'ahead' if sign > 0 else 'behind'}"
