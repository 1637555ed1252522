"""Paths as people write them, and files: as others may have left them, and so that others find no half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

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


def open_plain(path: Path, flags: int = 0) -> BinaryIO:
    """Open a file to be read, with `flags` of `os.open`. A pipe would be waited for, and a device might never end.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    file = open(path, "rb", opener=lambda name, given: os.open(name, given | flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return file


def read_plain(path: Path) -> bytes:
    """The content of a plain file.

    Raises:
        OSError: as of `open_plain`.
    """
    with open_plain(path) as file:
        return file.read()


@contextlib.contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` when the block ends without an error.

    A reader finds the old content or the new one, with `durable` also after a power cut.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
