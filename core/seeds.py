"""Runs that differ in their seed as one result: how accurate, how long, and how far apart the seeds are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from core.compare import seed_groups, setting_differences
from core.errors import UsageError
from core.export.settings import as_part
from core.fold import fold
from core.runfolder import RunFolder
from core.runsummary import Condition, condition, summarize
from core.state import RunState
from core.steered import steered


class Spread(msgspec.Struct, frozen=True):
    """A figure over several runs."""

    count: int
    mean: float
    sd: float | None
    """Sample standard deviation; None of a single run."""
    minimum: float
    maximum: float


def spread(values: Sequence[float]) -> Spread | None:
    """Mean, sample standard deviation and range; None of nothing."""
    if not values:
        return None
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(len(values), statistics.fmean(values), sd, min(values), max(values))


class SeedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One of the runs."""

    id: str
    seed: int | None
    state: Condition
    top1: float | None
    """On the validation set after the last epoch, whichever was the best."""
    top1_test_time: float | None
    """The same over several views of each image, where the run has that evaluated."""
    training_seconds: float
    """Without evaluation and pauses."""
    seconds_to_target: float | None
    """Training seconds to the end of the first epoch that reached the target; None where none did or none was asked
    for."""
    first_step: int
    """Where it began: not at 0 where it was forked from another run, and its seconds count from there."""


class SeedsSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Several runs as one result; only finished ones count."""

    runs: tuple[SeedRun, ...]
    target: float | None
    top1: Spread | None
    top1_test_time: Spread | None
    training_seconds: Spread | None
    seconds_to_target: Spread | None
    """Over the runs that reached it."""
    remarks: tuple[str, ...]
    """What a reader of the figures has to know: runs left out, settings that differ."""

    @property
    def num_finished(self) -> int:
        """Runs that count."""
        return sum(run.state == "finished" for run in self.runs)

    @property
    def num_reached(self) -> int:
        """Finished runs that reached the target."""
        return self.seconds_to_target.count if self.seconds_to_target else 0

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        tree: dict[str, Any] = msgspec.to_builtins(self)
        return tree


def summarize_seeds(folders: Sequence[RunFolder], target: float | None = None) -> SeedsSummary:
    """The result of runs that were trained with different seeds.

    Args:
        folders: the runs.
        target: validation top-1 to be reached, as a fraction.

    Raises:
        UsageError: a run is named twice, or the target is no fraction.
        StorageError: a run cannot be read.
    """
    check_target(target)
    names = [folder.path.resolve() for folder in folders]
    if len(set(names)) < len(names):
        twice = next(name.name for name in names if names.count(name) > 1)
        raise UsageError(f"run {twice} is named twice: each run counts once")
    runs, configs = [], []
    for folder in folders:
        state = fold(folder.events_file)
        summary = summarize(folder, state)
        runs.append(
            SeedRun(
                id=folder.id,
                seed=summary.seed,
                state=condition(summary, folder, time.time()),
                top1=summary.last,
                top1_test_time=state.epochs[-1].validation.top1_test_time if state.epochs else None,
                training_seconds=state.training_seconds,
                seconds_to_target=_seconds_to(state, target),
                first_step=int(state.batches["step"][0]) if len(state.batches) else 0,
            )
        )
        configs.append(steered(state.run.config if state.run else folder.read_manifest().config, state))
    finished = [run for run in runs if run.state == "finished"]
    return SeedsSummary(
        runs=tuple(runs),
        target=target,
        top1=spread([run.top1 for run in finished if run.top1 is not None]),
        top1_test_time=spread([run.top1_test_time for run in finished if run.top1_test_time is not None]),
        training_seconds=spread([run.training_seconds for run in finished]),
        seconds_to_target=spread([run.seconds_to_target for run in finished if run.seconds_to_target is not None]),
        remarks=tuple(_remarks(runs, configs)),
    )


def check_target(target: float | None) -> None:
    """Accept a fraction, or none.

    Raises:
        UsageError: it is none; the message shows how to write one.
    """
    if target is not None and not 0 < target <= 1:
        raise UsageError(f"--target is a fraction of the validation images, as .94, and not {target:g}")


def _seconds_to(state: RunState, target: float | None) -> float | None:
    if target is None:
        return None
    for epoch, seconds in zip(state.epochs, state.epoch_seconds, strict=True):
        if epoch.validation.top1 >= target:
            return seconds
    return None


def _remarks(runs: Sequence[SeedRun], configs: Sequence[dict[str, Any]]) -> list[str]:
    remarks = [f"{run.id} ({run.state}) does not count" for run in runs if run.state != "finished"]
    remarks += [
        f"{run.id} is a fork that began at step {run.first_step:,}: its seconds count from there"
        for run in runs
        if run.state == "finished" and run.first_step > 0
    ]
    # A run that failed and was begun again, say, is no reason to doubt the figures.
    counted = [(run.seed, config) for run, config in zip(runs, configs, strict=True) if run.state == "finished"]
    configs = [config for _, config in counted]
    if len(seed_groups(configs)) > 1:
        differing = [
            f"{key} ({', '.join(dict.fromkeys(map(as_part, values)))})"
            for key, values in setting_differences(configs)
            if key != "seed"
        ]
        remarks.append(f"these runs differ in more than their seed: {'; '.join(differing)}")
    seeds = [seed for seed, _ in counted if seed is not None]
    if len(set(seeds)) < len(seeds):
        remarks.append("some of these runs have the same seed")
    return remarks
