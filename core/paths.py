"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path

from core.errors import UsageError


def expanded(path: str | Path) -> Path:
    """The path with `~` expanded.

    Raises:
        UsageError: it begins with the home of nobody.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path} cannot be used: no home directory is known for {Path(path).parts[0]}") from error
