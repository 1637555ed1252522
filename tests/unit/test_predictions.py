"""Images and predictions are read back as written; files that are damaged or foreign are told of and never trusted."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import StorageError
from core.predictions import Images, Predictions, read_images, read_predictions, save_predictions
from core.runfolder import RunFolder
from tests.export_runs import CLASSES, FINGERPRINT, make_run, two_epochs

FILE = "predictions/epoch-002.npz"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Twelve images and what was said of them."""
    return make_run(tmp_path / "runs" / "run", two_epochs())


@pytest.fixture
def images(folder: RunFolder) -> Images:
    return read_images(folder, FINGERPRINT)


def read(folder: RunFolder, images: Images, path: str = FILE) -> Predictions:
    return read_predictions(folder, path, images, len(CLASSES))


def test_predictions_are_read_as_they_were_saved(folder: RunFolder, images: Images) -> None:
    said = Predictions(np.arange(12, dtype=np.uint16) % 3, np.linspace(0.3, 1, 12).astype(np.float16))
    save_predictions(folder.predictions / "epoch-003.npz", said)
    found = read(folder, images, "predictions/epoch-003.npz")
    assert found.predicted.tolist() == said.predicted.tolist()
    assert found.confidence.tolist() == said.confidence.tolist()


@pytest.mark.parametrize("name", ["predictions", "images", "labels"])
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_file_is_read_whole_or_told_of(name: str, damage: str, folder: RunFolder, images: Images) -> None:
    file = {
        "predictions": folder.path / FILE,
        "images": folder.images / f"{FINGERPRINT}.npy",
        "labels": folder.images / f"{FINGERPRINT}.labels.npy",
    }[name]
    whole, draw, told = file.read_bytes(), random.Random(1), 0
    for turn in range(150):
        place = draw.randrange(min(len(whole), 600))
        damaged = whole[:place] if damage == "truncated" else bytearray(whole)
        if isinstance(damaged, bytearray):
            damaged[place] ^= 1 << draw.randrange(8)
        # Under another name each time, as what was read is remembered.
        other = RunFolder(folder.path.with_name(f"run-{turn}") / "run")
        file_there = other.path.parent / file.relative_to(folder.path.parent)
        for source in (folder.path / FILE, *folder.images.iterdir()):
            target = other.path.parent / source.relative_to(folder.path.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(bytes(damaged) if target == file_there else source.read_bytes())
        try:
            found = read_images(other, FINGERPRINT)
            said = read(other, found)
        except StorageError as error:
            told += str(file_there) in str(error)
        else:
            assert found.pixels.shape[0] == len(found.labels) == len(said.predicted) == len(said.confidence)
            assert max(found.labels.max(), said.predicted.max()) < len(CLASSES)
    assert told == 150 if damage == "truncated" else told > 20


@pytest.mark.parametrize(
    ("predicted", "confidence", "problem"),
    [
        (np.zeros(3, np.uint16), np.zeros(3), "does not fit the images: it is of 3 and they are 12"),
        (np.zeros(12, np.uint16), np.zeros(3), "does not fit the images"),
        (np.full(12, 3, np.uint16), np.zeros(12), "name classes that the run does not have"),
        (np.zeros((12, 2), np.uint16), np.zeros(12), "does not hold predictions"),
        (np.full(12, -1), np.zeros(12), "does not hold predictions"),
        (np.full(12, "cat"), np.zeros(12), "does not hold predictions"),
        (np.zeros(12, np.uint16), np.full(12, "sure"), "does not hold predictions"),
    ],
)
def test_predictions_of_something_else_are_told(
    predicted: np.ndarray, confidence: np.ndarray, problem: str, folder: RunFolder, images: Images
) -> None:
    np.savez(folder.path / FILE, predicted=predicted, confidence=confidence)
    with pytest.raises(StorageError, match=problem):
        read(folder, images)


def test_what_is_missing_is_named_with_what_to_do(folder: RunFolder, images: Images) -> None:
    (folder.path / FILE).unlink()
    with pytest.raises(StorageError, match=f"there is no {re.escape(str(folder.path / FILE))}"):
        read(folder, images)
    other = RunFolder(folder.path.parent.with_name("elsewhere") / "run")
    with pytest.raises(StorageError, match=r"there is no .*npy; .*copy the folder \.images along with a run"):
        read_images(other, FINGERPRINT)
    other.images.mkdir(parents=True)
    (other.images / f"{FINGERPRINT}.npy").write_bytes(b"")
    with pytest.raises(StorageError, match=rf"damaged; remove {FINGERPRINT}\.npy, and the next run"):
        read_images(other, FINGERPRINT)


@pytest.mark.parametrize("path", ["../secret.npz", "/etc/passwd", "predictions/../../other/x.npz"])
def test_nothing_is_read_from_outside_the_run(path: str, folder: RunFolder, images: Images) -> None:
    with pytest.raises(StorageError, match="leads out"):
        read(folder, images, path)


@pytest.mark.parametrize("fingerprint", ["../0123456789abcdef", "", "x" * 16])
def test_no_images_are_read_by_a_name_that_cannot_be_theirs(fingerprint: str, folder: RunFolder) -> None:
    with pytest.raises(StorageError, match="names no images"):
        read_images(folder, fingerprint)


@pytest.mark.parametrize(
    ("make", "reason"),
    [(Path.mkdir, "Is a directory"), (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links")],
    ids=["a folder", "links in a circle"],
)
def test_what_cannot_be_opened_is_told_with_the_reason(
    make: Callable[[Path], None], reason: str, folder: RunFolder, images: Images
) -> None:
    os.remove(folder.path / FILE)
    make(folder.path / FILE)
    with pytest.raises(StorageError, match=f"cannot be read: {reason}"):
        read(folder, images)
