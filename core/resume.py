"""Going on with a run: which run and checkpoint is meant, and which settings may differ.

Nothing here imports PyTorch; checkpoints are opened by `core.attempt`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.compare import setting_differences
from core.config import TrainConfig
from core.data.class_folders import is_same_data
from core.errors import StorageError, UsageError
from core.events import Record
from core.fold import fold
from core.paths import expanded
from core.runfolder import Manifest, RunFolder, check_run_id, find_run

# What may differ without another result being another run: how long, where, and what is kept.
_HARMLESS = (
    "epochs",
    "max_steps",
    "device",
    "threads",
    "on_nan",
    "data.dir",
    "data.evaluation_batch_size",
    "checkpoint.",
)


@dataclass(frozen=True)
class Origin:
    """Where an attempt begins: a run, and the checkpoint in it."""

    folder: RunFolder
    which: str
    """`last`, `best`, or the name of a checkpoint folder."""


def find_origin(runs_dir: Path, wanted: str, run_id: str | None, *, fork: bool = False) -> Origin | None:
    """What `--resume` means; None where `auto` finds no run of that id and a new one is to be started.

    Args:
        runs_dir: where runs are.
        wanted: `auto`, `last`, `best`, a run, or the path of a run or of a checkpoint folder.
        run_id: `--run-id`, if given: the run meant by `auto`, `last` and `best`.
        fork: `--fork`: then `run_id` names the new run, and `last` and `best` are of the last one.

    Raises:
        UsageError: there is no such run.
    """
    if wanted == "auto":
        if run_id is None:
            raise UsageError("--resume auto needs --run-id NAME, so that the same command finds its run again")
        check_run_id(run_id)
        folder = RunFolder(runs_dir / run_id)
        return Origin(folder, "last") if os.path.isdir(folder.path) else None
    if wanted in ("last", "best"):
        return Origin(find_run(runs_dir, "last" if fork or run_id is None else run_id), wanted)
    origin = _checkpoint_at(expanded(wanted).absolute()) or Origin(find_run(runs_dir, wanted), "last")
    if run_id not in (None, origin.folder.id) and not fork:
        raise UsageError(
            f"--resume {wanted} goes on in run {origin.folder.id}: leave --run-id out, or add --fork for a new run"
        )
    return origin


def _checkpoint_at(path: Path) -> Origin | None:
    """The checkpoint whose folder this is, or a file of it, or a file that names it; None where there is none."""
    if path.name in ("state.pt", "meta.json"):
        path = path.parent
    # os.path and not Path, which before Python 3.14 raises where one may not look.
    names_one = path.name in ("last", "best") and os.path.isfile(path)
    if path.parent.name == "checkpoints" and (names_one or os.path.isfile(path / "meta.json")):
        return Origin(RunFolder(path.parent.parent), path.name)
    return None


def stored_config(manifest: Manifest) -> TrainConfig:
    """The settings of a run.

    Raises:
        StorageError: they are not settings of this version.
    """
    try:
        return msgspec.convert(manifest.config, TrainConfig)
    except msgspec.ValidationError as error:
        raise StorageError(f"the settings of run {manifest.id} cannot be used by this version: {error}") from error


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """`key: before → after` for each setting that differs and that would make it another run."""
    found = setting_differences([msgspec.to_builtins(old), msgspec.to_builtins(new)])
    harmless = (*_HARMLESS, "data.dataset") if is_same_data(old.data.dataset, new.data.dataset) else _HARMLESS
    return [f"{key}: {before} → {after}" for key, (before, after) in found if not key.startswith(harmless)]


def is_finished(folder: RunFolder, config: TrainConfig, *, epochs_asked: bool = False) -> bool:
    """Whether the run has done all the steps that `config` asks for.

    Where it asks for what the run was started with, a number of epochs that a command gave since then holds, unless
    somebody has just asked for these epochs.
    """
    state = fold(folder.events_file)
    if state.status != "finished" or state.run is None:
        return False
    asked = (config.epochs, config.max_steps)
    if not epochs_asked and asked == (state.run.config.get("epochs"), state.run.config.get("max_steps")):
        return True
    num_steps = config.epochs * state.run.steps_per_epoch
    return state.step >= min(num_steps, config.max_steps or num_steps)


def last_place(records: Sequence[Record]) -> tuple[int, int]:
    """Attempt and sequence number of the last of a log's records; (0, -1) where there is none."""
    return (records[-1].attempt, records[-1].seq) if records else (0, -1)
