"""Saves a run's checkpoints, keeps the right ones, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from core import checkpoint as ckpt
from core import events as ev
from core.config import CheckpointConfig
from core.errors import CheckpointError, StorageError
from core.runfolder import RunFolder

Reason = Literal["fork", "epoch", "command", "signal", "stop", "end"]


class Saver:
    """The checkpoints of one run."""

    def __init__(self, folder: RunFolder, config: CheckpointConfig, emit: Callable[[ev.Event], None]) -> None:
        self._folder, self._config, self._emit = folder, config, emit
        self._saved: tuple[int, int] | None = None

    def save(
        self,
        state: dict[str, Any],
        *,
        step: int,
        epoch: int,
        reason: Reason,
        keep: bool = False,
        is_best: bool = False,
        metrics: dict[str, float],
    ) -> str | None:
        """Save `state` and return the checkpoint's name.

        A failure is told and gives None: the training is worth more than its copy.
        """
        started = time.perf_counter()
        checkpoints = self._folder.checkpoints
        try:
            path, meta = ckpt.save_checkpoint(
                checkpoints, state, step=step, epoch=epoch, reason=reason, keep=keep, metrics=metrics
            )
            if is_best:
                ckpt.point(checkpoints, "best", path.name)
        except StorageError as error:
            self._emit(ev.Notice(level="error", text=f"no checkpoint at step {step}: {error}"))
            return None
        self._saved = (step, epoch)
        ckpt.prune(checkpoints, keep_last=self._config.keep, protected=self._best())
        self._emit(
            ev.CheckpointSaved(
                step=step,
                epoch=epoch,
                path=str(path.relative_to(self._folder.path)),
                reason=reason,
                is_best=is_best,
                num_bytes=meta.num_bytes,
                seconds=round(time.perf_counter() - started, 4),
            )
        )
        return path.name

    def has_saved(self, step: int, epoch: int) -> bool:
        """Whether the last checkpoint saved here is of `step`, with `epoch` epochs completed.

        One that was asked for at an epoch's last step is of the same step, but its epoch has not been evaluated.
        """
        return self._saved == (step, epoch)

    def last_name(self) -> str | None:
        """Name of the newest checkpoint."""
        try:
            return ckpt.resolve_checkpoint(self._folder.checkpoints, "last").name
        except CheckpointError:
            return None

    def load_last(self) -> dict[str, Any] | None:
        """The state of the newest checkpoint that is whole; None where there is none."""
        try:
            found = ckpt.load_newest(self._folder.checkpoints, self._warn)
        except CheckpointError:
            return None
        return found[1] if found else None

    def _warn(self, problem: CheckpointError) -> None:
        self._emit(ev.Notice(level="warning", text=str(problem)))

    def _best(self) -> list[Path]:
        try:
            return [ckpt.resolve_checkpoint(self._folder.checkpoints, "best")]
        except CheckpointError:
            return []
