"""Errors that a user can do something about, each with the exit code of the process."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `cifar-tui`; batch scripts rely on them."""

    DONE = 0
    BUG = 1
    USAGE = 2
    DIVERGED = 3
    OUT_OF_MEMORY = 4
    DATA = 5
    STORAGE = 6
    RUN_IN_USE = 7
    BAD_CHECKPOINT = 8
    PREEMPTED = 75
    INTERRUPTED = 130
    TERMINATED = 143


class CifarTuiError(Exception):
    """Base of the errors that are shown as one sentence, without a traceback."""

    exit_code = ExitCode.BUG


class UsageError(CifarTuiError):
    """A flag, key, name or value that cannot be used."""

    exit_code = ExitCode.USAGE


class DivergedError(CifarTuiError):
    """The loss or the gradient became NaN or infinite."""

    exit_code = ExitCode.DIVERGED


class DataError(CifarTuiError):
    """The data set is missing, damaged or unusable."""

    exit_code = ExitCode.DATA


class StorageError(CifarTuiError):
    """A run folder cannot be written or read."""

    exit_code = ExitCode.STORAGE


class RunInUseError(CifarTuiError):
    """Another trainer holds the run."""

    exit_code = ExitCode.RUN_IN_USE


class CheckpointError(CifarTuiError):
    """A checkpoint is missing, damaged or does not fit the model."""

    exit_code = ExitCode.BAD_CHECKPOINT


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean "x"?`, or an empty string where no known name is close, capitals or not."""
    spelt = {each.lower(): each for each in known}
    matches = difflib.get_close_matches(name.lower(), spelt, n=1, cutoff=0.5)
    return f' Did you mean "{spelt[matches[0]]}"?' if matches else ""
