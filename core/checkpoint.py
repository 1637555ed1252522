"""Checkpoints: written whole or not at all, with a checksum, loadable with `weights_only=True`.

`checkpoints/step-00012345/` holds `state.pt` and, written last, `meta.json` with the SHA-256 of `state.pt`. A folder
appears under its name only when both are on the disk. `last` and `best` are small files that hold the name of a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import torch

from core.codec import UNDECODABLE
from core.errors import CheckpointError, StorageError
from core.paths import read_plain
from core.runfolder import write_atomically

FORMAT = 1
_NAME = re.compile(rb"step-\d+(-\d+)?")


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """`meta.json`: what can be known of a checkpoint without opening it."""

    format: int = FORMAT
    step: int
    epoch: int
    """Epochs completed."""
    reason: str
    keep: bool = False
    """Never pruned: somebody asked for it."""
    metrics: dict[str, float] = {}
    """The one that "best" means, of these weights; empty where they have not been evaluated."""
    versions: dict[str, str] = {}
    created: float
    sha256: str
    num_bytes: int


def save_checkpoint(
    folder: Path, state: dict[str, Any], *, step: int, epoch: int, reason: str, keep: bool, metrics: dict[str, float]
) -> tuple[Path, Meta]:
    """Write a checkpoint and make it `last`.

    Args:
        folder: the `checkpoints` folder of a run.
        state: tensors and plain values only.
        keep: never prune it.

    Raises:
        StorageError: it could not be written; what was there before is untouched.
    """
    target = _free_name(folder, step)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    meta = Meta(
        step=step,
        epoch=epoch,
        reason=reason,
        keep=keep,
        metrics=metrics,
        versions={"torch": str(torch.__version__)},
        created=time.time(),
        sha256=hashlib.sha256(data).hexdigest(),
        num_bytes=len(data),
    )
    temporary = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(exist_ok=True)
        temporary.mkdir(exist_ok=True)  # a trainer that was killed in a container had the same number
        _write_durably(temporary / "state.pt", data)
        _write_durably(temporary / "meta.json", msgspec.json.format(msgspec.json.encode(meta), indent=2))
        _sync_folder(temporary)
        temporary.rename(target)
        _sync_folder(folder)
        point(folder, "last", target.name)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise StorageError(f"cannot write a checkpoint in {folder}: {error.strerror}") from error
    return target, meta


def _free_name(folder: Path, step: int) -> Path:
    """step-00012345, or step-00012345-2 where that is taken: nothing that is whole is ever overwritten."""
    name = f"step-{step:08d}"
    number = 1
    while os.path.exists(path := folder / (name if number == 1 else f"{name}-{number}")):
        number += 1
    return path


def point(folder: Path, name: str, target: str) -> None:
    """Make the pointer `last` or `best` name a checkpoint folder, atomically."""
    write_atomically(folder / name, f"{target}\n".encode())


def resolve_checkpoint(folder: Path, which: str) -> Path:
    """The checkpoint folder that `last` or `best` names.

    Raises:
        CheckpointError: there is none.
    """
    try:
        name = read_plain(folder / which).strip()
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder} has no {which} checkpoint") from error
    except OSError as error:
        raise CheckpointError(f"cannot read {folder / which}: {error.strerror}") from error
    if not _NAME.fullmatch(name):  # a pointer may only lead to a neighbour
        raise CheckpointError(f"{folder / which} is damaged: it names no checkpoint")
    target = folder / name.decode()
    if not target.is_dir():
        raise CheckpointError(f"the {which} checkpoint {target} is gone")
    return target


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> tuple[dict[str, Any], Meta]:
    """The state of a checkpoint folder, verified against its checksum.

    Raises:
        CheckpointError: it is missing, damaged, or holds anything but tensors and plain values.
    """
    try:
        meta = msgspec.json.decode(read_plain(path / "meta.json"), type=Meta)
        data = read_plain(path / "state.pt")
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} is incomplete: {error.strerror}: {error.filename}") from error
    except UNDECODABLE as error:
        raise CheckpointError(f"checkpoint {path} has a damaged meta.json: {error}") from error
    if meta.format > FORMAT:
        raise CheckpointError(f"checkpoint {path} was written by a newer cifar-tui: update to load it")
    if hashlib.sha256(data).hexdigest() != meta.sha256:
        raise CheckpointError(f"checkpoint {path} is damaged: its checksum does not fit")
    try:
        return torch.load(io.BytesIO(data), map_location=device, weights_only=True), meta
    except Exception as error:
        reason = str(error).partition("\n")[0]  # PyTorch goes on for a page
        raise CheckpointError(f"checkpoint {path} cannot be loaded: {reason}") from error


def forget_best_after(folder: Path, step: int) -> None:
    """Drop the pointer `best` if its checkpoint is later than `step`: its history no longer counts.

    Raises:
        OSError: it cannot be dropped.
    """
    try:
        best = resolve_checkpoint(folder, "best")
    except CheckpointError:
        return
    if int(best.name.split("-")[1]) > step:
        (folder / "best").unlink()


def newest_first(folder: Path) -> list[Path]:
    """All checkpoints of a run: `last`, then the others by when they were written.

    Not by their step: a run that went back to an earlier checkpoint has left some of a history that no longer counts.

    Raises:
        CheckpointError: the folder is there and cannot be read, as on a disk that is not mounted.
    """
    try:
        found = [path for path in folder.iterdir() if path.name.startswith("step-")]
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not folder.is_symlink():
            return []
        raise CheckpointError(f"cannot read {folder}: {error.strerror}") from error
    newest = sorted(found, key=_written, reverse=True)
    with contextlib.suppress(CheckpointError):
        last = resolve_checkpoint(folder, "last")
        newest = [last, *(path for path in newest if path != last)]
    return newest


def load_newest(folder: Path, report: Callable[[CheckpointError], None]) -> tuple[str, dict[str, Any]] | None:
    """Name and state of the newest checkpoint that is whole; `report` hears of each that had to be passed over.

    Returns None where there is none at all.

    Raises:
        CheckpointError: there are some, and all are damaged, or none can be read.
    """
    problem: CheckpointError | None = None
    for path in newest_first(folder):
        try:
            return path.name, load_checkpoint(path)[0]
        except CheckpointError as error:
            problem = error
            report(error)
    if problem is not None:
        raise CheckpointError(f"no checkpoint in {folder} is whole; the last problem: {problem}")
    return None


def prune(folder: Path, *, keep_last: int, protected: Iterable[Path]) -> None:
    """Delete all but the newest `keep_last` checkpoints, those asked for, and `protected`, and what a trainer that was
    killed has left half written; of folders that a person has named, none. A failed delete is no failure."""
    kept = set(protected)
    with contextlib.suppress(OSError, CheckpointError):
        for leftover in folder.glob(".*"):  # all names here that begin with a dot are temporary, and the writer is one
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        named_here = (path for path in newest_first(folder) if _NAME.fullmatch(os.fsencode(path.name)))
        ordinary = [path for path in named_here if not _asked_for(path)]
        for path in ordinary[keep_last:]:
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _asked_for(path: Path) -> bool:
    meta = _meta(path)
    return meta is not None and meta.keep


def _written(path: Path) -> tuple[float, str]:
    meta = _meta(path)
    return (meta.created if meta else 0.0, path.name)


def _meta(path: Path) -> Meta | None:
    try:
        return msgspec.json.decode(read_plain(path / "meta.json"), type=Meta)
    except (OSError, *UNDECODABLE):
        return None


def _write_durably(path: Path, data: bytes | memoryview) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
