"""Folders that one may not enter, as those of others on a shared machine: told of in a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import StorageError
from core.runfolder import RunFolder, find_run, list_runs

NOBODY = 65534


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Path]:
    """A folder which the test may not enter; root, whom nothing is forbidden, is somebody else meanwhile."""
    folder, is_root = tmp_path / "private", os.geteuid() == 0
    folder.mkdir(mode=0)
    if is_root:
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o700)


def test_a_run_of_somebody_else(private: Path) -> None:
    with pytest.raises(StorageError, match=rf"^cannot read {private}.*: Permission denied$"):
        find_run(private.parent, str(private))


def test_a_path_longer_than_paths_can_be(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^cannot read .*: File name too long$"):
        find_run(tmp_path, f"./{'a' * 300}")


def test_one_link_that_cannot_be_followed_does_not_hide_the_other_runs(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "run").mkdir()
    assert list_runs(tmp_path) == [RunFolder(tmp_path / "run")]
