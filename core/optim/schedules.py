"""Learning-rate schedules as pure functions of the step; imports no PyTorch.

The learning rate of step `s` (0-based) is `optimizer.lr * lr_factor(schedule, s, …)`, times the factor of the
`PlateauState` where the schedule is `Plateau`, times whatever somebody asked for while it ran. There is nothing to save
or restore but that state: a resumed run asks for the same step and gets the same number.
"""

from __future__ import annotations

import math
from typing import assert_never

import msgspec

from core.config import Constant, Cosine, MultiStep, OneCycle, Plateau, Schedule, Triangular
from core.events import LrPlan

# The plots are at most a few hundred columns wide; the corners of a schedule are added to these.
_SAMPLES = 512


def lr_factor(schedule: Schedule, step: int, num_steps: int, steps_per_epoch: int) -> float:
    """Multiple of the base learning rate at a step.

    Args:
        schedule: what the run follows.
        step: 0-based; a step past the end gets the last one's factor.
        num_steps: steps of the whole run, at least 1.
        steps_per_epoch: at least 1.

    Returns:
        The factor; 1 for `Plateau`, whose factor depends on the results and is in `PlateauState`.
    """
    step = min(step, num_steps - 1)
    match schedule:
        case Constant() | Plateau():
            return 1.0
        case MultiStep():
            num_ended = step // steps_per_epoch
            return schedule.factor ** sum(epoch <= num_ended for epoch in schedule.epochs)
        case OneCycle():
            start = 1.0 / schedule.start_divisor
            return _one_cycle(schedule, step, num_steps, start, 1.0, start / schedule.end_divisor)
        case Triangular():
            return _triangular(schedule, step, num_steps)
        case Cosine():
            return _cosine(schedule, step, num_steps)
    assert_never(schedule)


def momentum_at(schedule: Schedule, step: int, num_steps: int) -> float | None:
    """Momentum (SGD) or beta1 (Adam, AdamW) at a step; None where the schedule leaves the optimiser's own."""
    if not isinstance(schedule, OneCycle) or schedule.momentum is None:
        return None
    low, high = schedule.momentum
    return _one_cycle(schedule, min(step, num_steps - 1), num_steps, high, low, high)


class PlateauState(msgspec.Struct, frozen=True):
    """What a `Plateau` schedule remembers between epochs; part of a checkpoint."""

    best: float = math.inf
    """Lowest validation loss so far."""
    bad_epochs: int = 0
    """Epochs since it improved."""
    factor: float = 1.0
    """Multiple of the base learning rate."""

    def update(self, schedule: Plateau, validation_loss: float) -> PlateauState:
        """The state after an epoch, as torch.optim.lr_scheduler.ReduceLROnPlateau with mode min, threshold mode rel.

        A loss that is not a number is no improvement. The learning rate falls without a lower bound, where PyTorch
        stops at changes under 1e-8.
        """
        if validation_loss < self.best * (1.0 - schedule.threshold):
            return PlateauState(validation_loss, 0, self.factor)
        if self.bad_epochs + 1 > schedule.patience:
            return PlateauState(self.best, 0, self.factor * schedule.factor)
        return PlateauState(self.best, self.bad_epochs + 1, self.factor)


def plan(
    schedule: Schedule,
    lr: float,
    *,
    num_steps: int,
    steps_per_epoch: int,
    first_step: int = 0,
    scale: float = 1.0,
) -> LrPlan:
    """The learning rate from `first_step` to the last step as a polyline.

    Straight schedules are given by their corners. Curved ones have some 500 points, a point on every step where there
    are no more than that. The first and the last point are exact; a jump is two points at the step that first has the
    new rate.

    Args:
        schedule: what the run follows.
        lr: base learning rate.
        num_steps: steps of the whole run.
        steps_per_epoch: at least 1.
        first_step: where the polyline begins, for a plan that changes while it runs.
        scale: a factor on all of it: `PlateauState.factor`, or what somebody asked for.
    """
    last = max(num_steps - 1, 0)
    first = min(first_step, last)
    jumps = _jumps(schedule, steps_per_epoch)
    inner = {step for step in jumps | _corners(schedule, num_steps) if first < step < last}
    if isinstance(schedule, OneCycle | Cosine):
        count = min(_SAMPLES, last - first + 1)
        inner.update(first + (last - first) * index // max(count - 1, 1) for index in range(count))
    points: list[tuple[int, float]] = []
    for step in sorted(inner | {first, last}):
        if step in jumps and step > first:
            points.append((step, lr_factor(schedule, step - 1, num_steps, steps_per_epoch)))
        points.append((step, lr_factor(schedule, step, num_steps, steps_per_epoch)))
    return LrPlan(steps=[step for step, _ in points], lr=[lr * factor * scale for _, factor in points])


def _jumps(schedule: Schedule, steps_per_epoch: int) -> set[int]:
    return {epoch * steps_per_epoch for epoch in schedule.epochs} if isinstance(schedule, MultiStep) else set()


def _corners(schedule: Schedule, num_steps: int) -> set[int]:
    """Steps on both sides of where the formula changes."""
    match schedule:
        case OneCycle():
            corner = schedule.rise * num_steps - 1.0
        case Triangular():
            corner = schedule.rise * num_steps
        case Cosine():
            corner = _num_warmup(schedule, num_steps) - 1.0
        case _:
            return set()
    return {math.floor(corner), math.floor(corner) + 1}


def _one_cycle(schedule: OneCycle, step: int, num_steps: int, first: float, middle: float, last: float) -> float:
    """From `first` to `middle` to `last`, each by half a cosine. The peak may lie between two steps, as PyTorch's."""
    peak = schedule.rise * num_steps - 1.0
    end = num_steps - 1.0
    if step <= peak:
        # A peak at step 0 has no rise; PyTorch divides by zero there.
        return _anneal(first, middle, step / peak if peak > 0 else 1.0)
    return _anneal(middle, last, (step - peak) / (end - peak))


def _anneal(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * part))


def _triangular(schedule: Triangular, step: int, num_steps: int) -> float:
    """`end` is reached one step after the last, so that an end of 0 wastes no step."""
    peak = schedule.rise * num_steps
    if step < peak:
        return schedule.start + (1.0 - schedule.start) * step / peak
    return 1.0 + (schedule.end - 1.0) * (step - peak) / (num_steps - peak)


def _num_warmup(schedule: Cosine, num_steps: int) -> int:
    return round(schedule.warmup * num_steps)


def _cosine(schedule: Cosine, step: int, num_steps: int) -> float:
    """`end` is reached one step after the last, and the warm-up begins one step above 0: no step is wasted."""
    num_warmup = _num_warmup(schedule, num_steps)
    if step < num_warmup:
        return (step + 1) / num_warmup
    return _anneal(1.0, schedule.end, (step - num_warmup) / (num_steps - num_warmup))
