"""Folders that one may not enter, as those of others on a shared machine: told of in a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.config import CheckpointConfig, DataConfig
from core.data.dataset import Dataset, Split, load_dataset, write_images
from core.data.folder import load_folder
from core.doctor import examine
from core.errors import CheckpointError, DataError, StorageError
from core.events import Event, Notice
from core.predict import find_checkpoint
from core.predictions import read_images
from core.resume import find_origin
from core.runfolder import RunFolder, find_run, list_runs
from core.saver import Saver

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


@pytest.mark.parametrize("name", ["", "checkpoints/step-00000001", "checkpoints/last"])
def test_a_run_of_somebody_else_to_go_on_with(name: str, private: Path) -> None:
    with pytest.raises(StorageError, match=rf"^cannot read {private}.*: Permission denied$"):
        find_origin(private.parent, str(private / name), None)


def test_checkpoints_of_somebody_else(private: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"^cannot read {private}/checkpoints: Permission denied$"):
        find_checkpoint(RunFolder(private), "best")


def test_validation_images_of_somebody_else(private: Path) -> None:
    with pytest.raises(StorageError, match=r"/ab\.npy cannot be read: Permission denied$"):
        read_images(RunFolder(private / "run"), "ab")


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_a_data_set_of_somebody_else(name: str, private: Path) -> None:
    with pytest.raises(DataError, match="lacks the official files and cannot be written"):
        load_dataset(DataConfig(dataset=name, dir=str(private)), report=lambda line: None)


@pytest.mark.parametrize("name", [".", "pictures"])
def test_images_of_somebody_else(name: str, private: Path) -> None:
    with pytest.raises(DataError, match=f"{private}.* cannot be read: Permission denied"):
        load_folder(private / name, 8, lambda line: None)


def test_a_class_of_somebody_else(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.folder.check_folder", lambda path: None)
    monkeypatch.setattr("core.data.folder.class_folders", lambda root: [root / "dawn", root / "dusk"])
    with pytest.raises(DataError, match=rf"^{private}/dawn cannot be read: Permission denied\.$"):
        load_folder(private, 8, lambda line: None)


def test_folders_are_examined_that_may_not_be_entered(private: Path) -> None:
    findings = dict(examine(private / "runs", private / "data"))
    assert findings["runs"] == f"{private}/runs: cannot be made (Permission denied)"
    assert findings["  cifar10"] == "not there yet: downloaded at its first use"


def test_a_training_whose_folder_may_no_longer_be_entered_saves_nothing(private: Path) -> None:
    told: list[Event] = []
    saver = Saver(RunFolder(private), CheckpointConfig(), told.append)
    assert saver.save({}, step=1, epoch=0, reason="command", metrics={}) is None
    assert [notice.text for notice in told if isinstance(notice, Notice)] == [
        f"no checkpoint at step 1: cannot write a checkpoint in {private}/checkpoints: Permission denied"
    ]
    split = Split(torch.zeros((1, 3, 2, 2), dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(StorageError, match="Permission denied"):
        write_images(Dataset("any", ("one",), (), (), split, split, "0"), private / ".images")


def test_a_path_longer_than_paths_can_be(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^cannot read .*: File name too long$"):
        find_run(tmp_path, f"./{'a' * 300}")


def test_one_link_that_cannot_be_followed_does_not_hide_the_other_runs(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "run").mkdir()
    assert list_runs(tmp_path) == [RunFolder(tmp_path / "run")]
