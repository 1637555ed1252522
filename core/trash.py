"""Deleting runs so that it can be undone: a run goes to `runs/.trash` and comes back from there."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import StorageError, UsageError
from core.runfolder import RunFolder
from core.runsummary import lock_is_held

_NAME = ".trash"


def to_trash(folder: RunFolder) -> Path:
    """Move a run to the trash and return where it is now.

    Raises:
        UsageError: a trainer holds the run.
        StorageError: it cannot be moved.
    """
    if lock_is_held(folder):
        raise UsageError(f"run {folder.id} is being trained: stop it before deleting it")
    trash = folder.path.parent / _NAME
    try:
        trash.mkdir(exist_ok=True)
        target, number = trash / folder.id, 1
        while os.path.lexists(target):
            number += 1
            target = trash / f"{folder.id}~{number}"
        folder.path.rename(target)
    except OSError as error:
        raise StorageError(f"cannot move run {folder.id} to {trash}: {error.strerror}") from error
    return target


def from_trash(trashed: Path, folder: RunFolder) -> None:
    """Bring a run back from where `to_trash` has put it.

    Raises:
        StorageError: it is gone, or its name is taken.
    """
    try:
        if os.path.lexists(folder.path):
            raise StorageError(f"cannot bring {trashed} back: there is another run named {folder.id}")
        trashed.rename(folder.path)
    except OSError as error:
        raise StorageError(f"cannot bring {trashed} back: {error.strerror}") from error
