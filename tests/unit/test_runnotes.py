"""Notes on a run, and runs that were deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StorageError
from core.runfolder import RunFolder, list_runs
from core.runnotes import Notes, parse_tags, read_notes, write_notes
from core.trash import from_trash, to_trash
from tests.ui.canned import ended


def test_notes_are_kept_and_bad_ones_are_empty(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == Notes()
    write_notes(tmp_path, Notes(("keep",), "the one"))
    assert read_notes(tmp_path) == Notes(("keep",), "the one")
    for bad in (b"[", b'{"note": "\xff"}'):
        (tmp_path / "notes.json").write_bytes(bad)
        assert read_notes(tmp_path) == Notes()
    long = Notes(note="a log pasted into it\n" * 10_000)
    write_notes(tmp_path, long)
    assert read_notes(tmp_path) == long
    assert parse_tags(" #b, a  b,") == ("a", "b")
    with pytest.raises(StorageError, match="no run folder"):
        write_notes(tmp_path / "gone", Notes())


@pytest.mark.parametrize("name", ["one", "one~2"])
def test_what_is_deleted_comes_back(name: str, tmp_path: Path) -> None:
    run = ended(tmp_path, run_id=name)
    before = run.folder.events_file.read_bytes()
    first = to_trash(run.folder)
    assert not run.folder.path.exists()
    ended(tmp_path, run_id=name)
    second = to_trash(run.folder)
    ended(tmp_path, run_id=name)
    assert len({first, second, to_trash(run.folder)}) == 3
    from_trash(first, run.folder)
    assert run.folder.events_file.read_bytes() == before
    with pytest.raises(StorageError, match=f"^cannot bring {second} back: there is another run named {name}$"):
        from_trash(second, run.folder)
    assert list_runs(tmp_path) == [run.folder]


def test_a_run_that_cannot_be_deleted_or_brought_back_says_so(tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="one")
    with pytest.raises(StorageError, match="/two back: No such file"):
        from_trash(tmp_path / ".trash" / "two", RunFolder(tmp_path / "two"))
    (tmp_path / ".trash").touch()
    with pytest.raises(StorageError, match="cannot move run one"):
        to_trash(run.folder)
    assert run.folder.events_file.exists()
