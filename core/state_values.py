"""What the state of a run is made of: stretches, events with their time, the best epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from core import events as ev

Status = Literal["starting", "running", "paused", "finished", "stopped", "preempted", "diverged", "failed"]
Liveness = Literal["starting", "running", "paused", "stalled", "silent", "ended"]

SILENT_AFTER_SECONDS = 20.0
"""No event for so long, with a heartbeat due every 5 s: the trainer is gone or cut off."""
STALLED_AFTER_SECONDS = 30.0
"""Heartbeats arrive, but the last step is older than this (and than ten usual steps)."""


@dataclass(frozen=True)
class Span:
    """A stretch of the run's time."""

    start_seconds: float
    end_seconds: float | None
    """None while it lasts."""


class Timed(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the run's time."""

    seconds: float
    """Since the run's first event, attempts put end to end."""
    event: ev.Event


@dataclass(frozen=True)
class Best:
    """The epoch with the highest validation accuracy."""

    epoch: int
    step: int
    top1: float


def best_of(epochs: Sequence[ev.EpochEnded]) -> Best | None:
    """The epoch with the highest validation accuracy, the earliest of equals; None where none has a finite one."""
    scored = [epoch for epoch in epochs if math.isfinite(epoch.validation.top1)]
    if not scored:
        return None
    best = max(scored, key=lambda epoch: epoch.validation.top1)
    return Best(best.epoch, best.step, best.validation.top1)
