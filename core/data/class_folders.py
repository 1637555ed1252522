"""The folders of `folder:PATH`, one a class. Imports no PyTorch: a trainer looks for them before anything else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from core.data.catalog import FOLDER_PREFIX
from core.errors import DataError
from core.paths import expanded


def folder_of(dataset: str) -> Path | None:
    """The PATH of `folder:PATH`; None for a data set that has a name.

    Raises:
        UsageError: it begins with the home of nobody.
    """
    if not dataset.startswith(FOLDER_PREFIX):
        return None
    return expanded(dataset.removeprefix(FOLDER_PREFIX))


def whole_name(dataset: str) -> str:
    """The name of a data set, with the whole path of a folder: that of a relative one depends on where one stands.

    Raises:
        UsageError: it begins with the home of nobody.
    """
    path = folder_of(dataset)
    return dataset if path is None or dataset == FOLDER_PREFIX else f"{FOLDER_PREFIX}{path.absolute()}"


def is_same_data(then: str, now: str) -> bool:
    """Whether two names stand for one data set: also a folder of images that has moved, as with a project or on a
    machine that mounts it elsewhere. It keeps its last part, and is no longer where it was.

    Raises:
        UsageError: a name begins with the home of nobody.
    """
    if whole_name(then) == whole_name(now):
        return True
    old, new = folder_of(then), folder_of(now)
    return old is not None and new is not None and old.name == new.name and not os.path.exists(old)


def check_classes(name: str, then: Sequence[str], now: Sequence[str], purpose: str) -> None:
    """Accept the classes that a run was begun with: a label is no more than a class's place among them.

    Raises:
        DataError: data set `name` has others, or has them in another order.
    """
    if list(then) != list(now):
        gone, new = ([one for one in some if one not in others] for some, others in ((then, now), (now, then)))
        how = f'it lacks "{gone[0]}"' if gone else f'"{new[0]}" is new' if new else "their order is another"
        raise DataError(f"{name} no longer has the classes of the run: {how}; bring them back to {purpose}.")


def class_folders(root: Path) -> list[Path]:
    """The visible folders in `root`, in natural order: 2 before 10.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if not root.is_dir():
            return []
        # Archives made on a Mac bring __MACOSX, notebooks .ipynb_checkpoints.
        folders = [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__"))]
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return sorted(folders, key=lambda folder: _natural(folder.name))


def check_folder(path: Path) -> None:
    """Accept a folder that holds folders.

    Raises:
        DataError: it is none, holds none, or cannot be read.
    """
    found = class_folders(path)
    if not path.is_dir():
        # Whole: runs of earlier versions remember it as it was given, and may be evaluated from elsewhere.
        raise DataError(
            f"{path.absolute()} is not a folder; give the folder that holds one folder of images a class, "
            "as --dataset folder:PATH."
        )
    if not found:
        raise DataError(
            f"{path} holds no folders of images; put the images of each class into a folder of its own there."
        )


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which numbers in names compare as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, name)]
