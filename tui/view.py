"""How a person looks at the plots: x-axis, window, smoothing, crosshair. Shared by all plots of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.state import RunState
from tui.ghost import Ghost
from tui.render.axes import Axis, Unit

Floats = NDArray[np.float64]
Range = tuple[float, float]

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97, 0.99)
_ZOOM = 0.5
_PAN = 0.25
_LEAST_POINTS = 8.0


class XUnit(Enum):
    """What the x-axes count."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"


@dataclass(frozen=True)
class View:
    """The choices behind every plot on the screen."""

    x_unit: XUnit = XUnit.STEP
    window: Range | None = None
    """The part of the x-axis shown, in steps or seconds; None for all of it."""
    smoothing: float = 0.9
    log_y: bool = False
    crosshair: float | None = None
    ghost: Ghost | None = None
    """A run to race against."""

    def next_x_unit(self) -> View:
        """Step, epoch, time, and again; a window in other units would mean nothing."""
        units = list(XUnit)
        unit = units[(units.index(self.x_unit) + 1) % len(units)]
        return replace(self, x_unit=unit, window=None, crosshair=None)

    def next_smoothing(self) -> View:
        """The next stronger smoothing, after the strongest none."""
        return replace(self, smoothing=next_smoothing(self.smoothing))

    def zoomed(self, whole: Range, closer: bool, at: float | None = None) -> View:
        """Half or twice the window around `at`, by default around the crosshair or else at its right end."""
        low, high = self.window or whole
        span = (high - low) * (_ZOOM if closer else 1 / _ZOOM)
        if span >= whole[1] - whole[0]:
            return replace(self, window=None)
        if span < _LEAST_POINTS and self.x_unit is not XUnit.TIME:
            return self
        anchor = at if at is not None else self.crosshair if self.crosshair is not None else high
        share = (min(max(anchor, low), high) - low) / (high - low)
        return self._moved_to(anchor - share * span, span, whole)

    def panned(self, whole: Range, direction: int) -> View:
        """A quarter of the window to the left (-1) or right (+1)."""
        if self.window is None:
            return self
        span = self.window[1] - self.window[0]
        return self._moved_to(self.window[0] + direction * _PAN * span, span, whole)

    def _moved_to(self, low: float, span: float, whole: Range) -> View:
        low = min(max(low, whole[0]), whole[1] - span)
        return replace(self, window=(low, low + span))


def next_smoothing(weight: float) -> float:
    """The next stronger one of `SMOOTHINGS`, after the strongest none."""
    return next((stronger for stronger in SMOOTHINGS if stronger > weight + 1e-9), SMOOTHINGS[0])


class Timeline:
    """Where steps lie on an x-axis. The future is reckoned at the present pace."""

    def __init__(self, state: RunState, unit: XUnit) -> None:
        self._state = state
        self.unit = unit
        self._is_time = unit is XUnit.TIME

    @property
    def axis(self) -> Axis:
        """The x-axis."""
        if self._is_time:
            return Axis(Unit.SECONDS, "time")
        if self.unit is XUnit.EPOCH and self._state.run:
            return Axis(Unit.COUNT, "epoch", per=self._state.run.steps_per_epoch)
        return Axis(Unit.COUNT, "step")

    @property
    def batches(self) -> Floats:
        """x of every training step so far."""
        return self._state.batches["seconds" if self._is_time else "step"]

    @property
    def now(self) -> float:
        """x of the present."""
        return self._state.seconds if self._is_time else float(self._state.step)

    @property
    def end(self) -> float:
        """x of the planned end."""
        return float(self.at([self._state.num_steps])[0])

    def at(self, steps: Sequence[float] | Floats) -> Floats:
        """x of steps, past or to come."""
        wanted = np.asarray(steps, np.float64)
        if not self._is_time:
            return wanted
        state = self._state
        known, seconds = state.batches["step"], state.batches["seconds"]
        if not len(known):
            return wanted * (state.step_seconds or 0.0)
        pace = state.step_seconds or (seconds[-1] / max(known[-1], 1.0))
        return np.where(
            wanted <= known[-1], np.interp(wanted, known, seconds), state.seconds + (wanted - known[-1]) * pace
        )
