"""What a person says of a run: tags and a note, in a small file of their own in the run's folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from core.codec import UNDECODABLE
from core.errors import StorageError
from core.paths import read_plain
from core.runfolder import write_atomically

_NAME = "notes.json"


class Notes(msgspec.Struct, frozen=True):
    """Tags, sorted, each once; a note of any length."""

    tags: tuple[str, ...] = ()
    note: str = ""


def read_notes(folder: Path) -> Notes:
    """The notes of a run folder; empty ones where there are none or they cannot be read."""
    try:
        return msgspec.json.decode(read_plain(folder / _NAME), type=Notes)
    except (OSError, *UNDECODABLE):
        return Notes()


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes; atomic.

    Raises:
        StorageError: the folder cannot be written.
    """
    if not folder.is_dir():
        raise StorageError(f"there is no run folder {folder} any more")
    write_atomically(folder / _NAME, msgspec.json.format(msgspec.json.encode(notes), indent=2) + b"\n")


def parse_tags(text: str) -> tuple[str, ...]:
    """Tags from what was typed: words separated by spaces or commas."""
    return tuple(sorted({word.lstrip("#") for word in text.replace(",", " ").split() if word.lstrip("#")}))
