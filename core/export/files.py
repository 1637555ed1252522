"""Files that appear whole or not at all, also those too long to be held in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import StorageError
from core.paths import whole_file


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `path` when the block ends without an error; its folder is made.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}; --output names another place") from error


def write_text(path: Path, text: str) -> Path:
    """Write a file in UTF-8, and return its path; what is no Unicode (a folder's name may be) is spelled out.

    Raises:
        StorageError: it cannot be written.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))
    return path
