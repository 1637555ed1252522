"""A run in one row: what lists show of it. Made by folding its log, so that a list says what every other view says."""

from __future__ import annotations

import fcntl
import math
import os
import socket
import stat
import struct
from typing import Any, Literal

import msgspec

from core.errors import StorageError
from core.runfolder import Manifest, RunFolder, created, resume_line
from core.state import RunState
from core.state_values import SILENT_AFTER_SECONDS

Condition = Literal[
    "running", "starting", "paused", "stalled", "silent", "died",
    "finished", "stopped", "preempted", "diverged", "failed", "broken",
]  # fmt: skip
LIVE: frozenset[Condition] = frozenset({"running", "starting", "paused", "stalled", "silent"})
GONE = "its trainer is gone without a last word"
"""Why a run has died."""
_CURVE_POINTS = 48


class RunSummary(msgspec.Struct, kw_only=True, array_like=True):
    """What a list shows of a run. Accuracies are fractions."""

    id: str
    recipe: str = ""
    dataset: str = ""
    device: str = ""
    """What a person calls it."""
    device_name: str = ""
    """What PyTorch calls it."""
    created: float = 0.0
    """Seconds since the epoch."""
    last_wall: float = 0.0
    """Of its last event."""
    status: str = "starting"
    """As `RunState.status`: how it stood at its last event."""
    has_ended: bool = False
    phase_stalls: bool = False
    """Whether its last heartbeat told of a step long ago."""
    epoch: int = 0
    num_epochs: int = 0
    step: int = 0
    num_steps: int = 0
    epoch_seconds: float | None = None
    """What a whole epoch and its evaluation take, starting and pauses left out; None before one was both."""
    best: float | None = None
    best_epoch: int = 0
    last: float | None = None
    last_top5: float | None = None
    last_top1_test_time: float | None = None
    last_validation_loss: float | None = None
    last_train_accuracy: float | None = None
    last_train_loss: float | None = None
    curve: tuple[float, ...] = ()
    """Validation top-1 of at most 48 epochs over the whole run."""
    seconds: float = 0.0
    """The run's time, attempts put end to end."""
    training_seconds: float = 0.0
    images_per_second: float | None = None
    seed: int | None = None
    host: str = ""
    reason: str = ""
    """Why it ended."""
    num_corrupt: int = 0
    problem: str = ""
    """Why it cannot be shown; such a run has a name and nothing else."""


def summarize(folder: RunFolder, state: RunState, num_corrupt: int = 0) -> RunSummary:
    """The summary of a run whose log has been folded.

    Raises:
        StorageError: there is neither a manifest nor an event.
    """
    manifest, problem = _manifest(folder, state)
    if not state.num_records and num_corrupt:
        problem = f"events.jsonl holds no event of cifar-tui: {num_corrupt} damaged or foreign lines"
    run, best = state.run, state.best
    config = run.config if run else manifest.config if manifest else {}
    data = config.get("data")
    last = state.epochs[-1] if state.epochs else None
    top1 = [epoch.validation.top1 for epoch in state.epochs]
    return RunSummary(
        id=folder.id,
        recipe=run.recipe if run else manifest.recipe if manifest else "",
        dataset=run.dataset if run else str(data.get("dataset", "")) if isinstance(data, dict) else "",
        device=run.device.title if run else "",
        device_name=run.device.name if run else "",
        created=manifest.created if manifest else 0.0,
        last_wall=state.last.wall if state.last else 0.0,
        status=state.status,
        has_ended=state.ended is not None,
        phase_stalls=state.last is not None and state.liveness(state.last.wall) == "stalled",
        epoch=state.epoch,
        num_epochs=state.num_epochs or _whole(config.get("epochs")),
        step=state.step,
        num_steps=state.num_steps,
        epoch_seconds=_epoch_seconds(state),
        best=best.top1 if best else None,
        best_epoch=best.epoch if best else 0,
        last_top5=last.validation.top5 if last else None,
        last_top1_test_time=last.validation.top1_test_time if last else None,
        last_validation_loss=last.validation.loss if last else None,
        last_train_accuracy=last.train_accuracy if last else None,
        last_train_loss=last.train_loss if last else None,
        last=top1[-1] if top1 and math.isfinite(top1[-1]) else None,
        curve=thinned(top1),
        seconds=state.seconds,
        training_seconds=state.training_seconds,
        images_per_second=state.mean_images_per_second,
        seed=config.get("seed") if isinstance(config.get("seed"), int) else None,
        host=manifest.host if manifest else "",
        reason=state.ended.reason if state.ended else "",
        num_corrupt=num_corrupt,
        problem=problem,
    )


def _epoch_seconds(state: RunState) -> float | None:
    if state.run is None or not state.epochs or not len(state.batches):
        return None
    evaluation = sum(epoch.validation.seconds for epoch in state.epochs) / len(state.epochs)
    # By the step: `--max-steps` may have cut an epoch short, and a fork has not trained all of its first one.
    return state.training_seconds / len(state.batches) * state.run.steps_per_epoch + evaluation


def _manifest(folder: RunFolder, state: RunState) -> tuple[Manifest | None, str]:
    try:
        return folder.read_manifest(), ""
    except StorageError as error:
        if not state.num_records:
            raise
        return None, "" if state.run else str(error)


def as_json(summary: RunSummary, state: Condition, folder: RunFolder) -> dict[str, Any]:
    """What `runs --json` and `show --json` print of a run: accuracies are fractions, what is not known yet is null."""
    one = summary
    return {
        "id": one.id,
        "recipe": one.recipe or None,
        "dataset": one.dataset or None,
        "seed": one.seed,
        "state": state,
        "reason": one.reason or (GONE if state == "died" else None),
        "epoch": one.epoch,
        "num_epochs": one.num_epochs,
        "step": one.step,
        "num_steps": one.num_steps,
        "best": {"epoch": one.best_epoch, "top1": one.best} if one.best is not None else None,
        "last": {
            "top1": one.last,
            "top5": one.last_top5,
            "top1_test_time": one.last_top1_test_time,
            "validation_loss": one.last_validation_loss,
            "train_accuracy": one.last_train_accuracy,
            "train_loss": one.last_train_loss,
        }
        if one.last is not None
        else None,
        "images_per_second": one.images_per_second,
        "training_seconds": round(one.training_seconds, 3),
        "device": one.device_name or None,
        "created": one.created,
        "path": str(folder.path.absolute()),
    }


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def thinned(values: list[float]) -> tuple[float, ...]:
    """At most 48 of the values, evenly spread, the last one among them; non-finite ones left out."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) <= _CURVE_POINTS:
        return tuple(finite)
    return tuple(finite[round(index * (len(finite) - 1) / (_CURVE_POINTS - 1))] for index in range(_CURVE_POINTS))


def condition(summary: RunSummary, folder: RunFolder, now_wall: float) -> Condition:
    """How a run fares at `now_wall`. A trainer that was killed says nothing more: its lock is gone."""
    if summary.problem:
        return "broken"
    if summary.has_ended:
        return summary.status  # type: ignore[return-value]
    heard = summary.last_wall or summary.created
    if now_wall - heard <= SILENT_AFTER_SECONDS:
        if summary.status == "paused":
            return "paused"
        if summary.status == "starting":
            return "starting"
        return "stalled" if summary.phase_stalls else "running"
    return "silent" if has_trainer(folder) else "died"


def has_died(folder: RunFolder, state: RunState, now_wall: float) -> bool:
    """Whether a run has neither ended nor anybody to end it. Silence comes first: another machine might not see who
    holds the lock."""
    if state.ended is not None:
        return False
    heard = state.last.wall if state.last else created(folder)
    return now_wall - heard > SILENT_AFTER_SECONDS and folder.path.is_dir() and not has_trainer(folder)


def death(folder: RunFolder) -> str:
    """Why a run has died, and what goes on with it."""
    return f"{GONE}; `{resume_line(folder)}` goes on from its last checkpoint"


def has_trainer(folder: RunFolder) -> bool:
    """Whether a process holds the run's lock; asked without taking it, which could turn a trainer away."""
    held = lock_is_held(folder)
    if held is not None:
        return held
    try:
        manifest = folder.read_manifest()
    except StorageError:
        return False
    if manifest.host == socket.gethostname() and manifest.pid:
        return os.path.exists(f"/proc/{manifest.pid}") if os.path.isdir("/proc/self") else False
    return False


def lock_is_held(folder: RunFolder) -> bool | None:
    """Whether some process holds the lock; None where that cannot be told (no lock file, no such question here)."""
    if not hasattr(fcntl, "F_GETLK"):
        return None
    try:
        descriptor = os.open(folder.path / ".lock", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)  # struct flock of 64-bit Linux
        answer = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
        return bool(answer[0] != fcntl.F_UNLCK)
    except (OSError, struct.error):
        return None
    finally:
        os.close(descriptor)
