"""Numbers of runs set beside each other: aligned curves, bands over seeds, differences of settings and of confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.metrics import class_metrics
from core.state import RunState

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Along = Literal["step", "epoch", "time"]
"""What curves are set beside each other by; time is training time, evaluation and pauses left out."""
Metric = Literal["top1", "validation_loss", "train_loss", "lr"]
_OF_BATCHES: dict[Metric, str] = {"train_loss": "loss", "lr": "lr"}
_INCIDENTAL = ("checkpoint.", "data.dir", "data.evaluation_batch_size", "threads", "recipe")
"""Settings that do not make another result; of the recipe only its name."""


@dataclass(frozen=True)
class CurvePoints:
    """A curve: x ascending, y as long."""

    x: Floats
    y: Floats


def curve(state: RunState, metric: Metric, along: Along) -> CurvePoints:
    """A curve of a run: of every batch, or of every evaluation at the end of an epoch."""
    per_epoch = state.run.steps_per_epoch if state.run else 1
    if metric in _OF_BATCHES:
        steps = state.batches["step"] + 1
        x = state.batches["elapsed"] if along == "time" else steps / per_epoch if along == "epoch" else steps
        return CurvePoints(np.asarray(x, np.float64), state.batches[_OF_BATCHES[metric]])
    results = [epoch.validation for epoch in state.epochs]
    ys = [result.top1 if metric == "top1" else result.loss for result in results]
    if along == "time":
        xs: list[float] = list(state.epoch_seconds)
    else:
        xs = [float(epoch.epoch if along == "epoch" else epoch.step) for epoch in state.epochs]
    return CurvePoints(np.array(xs, np.float64), np.array(ys, np.float64))


@dataclass(frozen=True)
class Band:
    """Several curves as one: their mean, and the lowest and highest of them."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats


def band(curves: Sequence[CurvePoints], points: int = 400) -> Band | None:
    """Mean and range where all of the curves are; None where there is no such stretch.

    Between their points curves are straight. Up to 400 common x: those of the curves where they agree, as the epochs
    of several seeds do, else evenly spread ones.
    """
    curves = [one for one in curves if len(one.x)]
    if len(curves) < 2:
        return None
    low, high = max(one.x[0] for one in curves), min(one.x[-1] for one in curves)
    if not low <= high:
        return None
    first = curves[0].x
    first = first[(first >= low) & (first <= high)]
    agree = len(first) <= points and all(np.isin(first, one.x).all() for one in curves)
    x = first if agree and len(first) else np.linspace(low, high, points)
    values = np.stack([np.interp(x, one.x, one.y) for one in curves])
    return Band(x, values.mean(0), values.min(0), values.max(0))


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `a.b: value`.

    Of a list of sections, as the augmentations, the list itself is that of their types: their order is a setting too.
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            found[name] = types = [str(item.get("type")) for item in value]
            for number, (type_, item) in enumerate(zip(types, value, strict=True)):
                place = types[:number].count(type_) + 1  # among those of its type
                rest = {key: value for key, value in item.items() if key != "type"}
                found |= flat(rest, f"{name}.{type_}." if place == 1 else f"{name}.{type_}.{place}.")
        else:
            found[name] = value
    return found


def setting_differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Settings that are not the same in all runs, each with its value in every run; None where a run has none."""
    flats = [flat(config) for config in configs]
    keys = sorted({key for one in flats for key in one})
    rows = [(key, [one.get(key) for one in flats]) for key in keys]
    return [(key, values) for key, values in rows if any(value != values[0] for value in values)]


def seed_groups(configs: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Indices of runs that differ in nothing but their seed (and where and how often they save), in order."""
    groups: dict[str, list[int]] = {}
    for index, config in enumerate(configs):
        kept = {key: value for key, value in flat(config).items() if key != "seed" and not key.startswith(_INCIDENTAL)}
        groups.setdefault(f"{config.get('recipe')} {sorted(kept.items())}", []).append(index)
    return list(groups.values())


@dataclass(frozen=True)
class ClassChange:
    """A class in two runs: fractions of its images that are right."""

    index: int
    before: float
    after: float

    @property
    def gain(self) -> float:
        """What the second run has over the first."""
        return self.after - self.before


def class_changes(before: Counts, after: Counts) -> list[ClassChange]:
    """Classes by gain, the largest first; those without images last. Both are of the same classes."""
    recalls = zip(class_metrics(before).recall, class_metrics(after).recall, strict=True)
    changes = [ClassChange(index, float(was), float(now)) for index, (was, now) in enumerate(recalls)]
    return sorted(changes, key=lambda change: (np.isnan(change.gain), -change.gain))


def only_one_right(
    labels: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    wrong: NDArray[np.integer[Any]],
    sureness: Floats | None = None,
) -> NDArray[np.intp]:
    """Images that the first run gets right and the second wrong; by the second's sureness, if given, highest first."""
    found = np.flatnonzero((right == labels) & (wrong != labels))
    return found if sureness is None else found[np.argsort(-sureness[found], kind="stable")]


def time_to_reach(seconds: Sequence[float], values: Sequence[float], goal: float) -> float | None:
    """When a curve of best values so far reaches `goal`, straight between points; None where it never does."""
    best, before = float("-inf"), 0.0
    for at, value in zip(seconds, values, strict=False):
        if value >= goal:
            if best == float("-inf"):
                return at
            return before + (at - before) * (goal - best) / (value - best)
        if value > best:
            best, before = value, at
    return None
