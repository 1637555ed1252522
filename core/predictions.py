"""What the network said of the validation images, and the images: files that a trainer leaves for viewers and exports.

Nothing here imports PyTorch. The files may come from elsewhere or be damaged (nobody waits for the disk to have the
predictions), so nothing in them is trusted.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StorageError
from core.paths import open_plain, whole_file
from core.runfolder import RunFolder

_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class Images:
    """The validation set."""

    pixels: NDArray[np.uint8]
    """N×H×W×C; they stay on disk."""
    labels: NDArray[np.uint16]


@dataclass(frozen=True)
class Predictions:
    """What the network said of every validation image, in their order."""

    predicted: NDArray[np.uint16]
    """Class with the largest logit."""
    confidence: NDArray[np.floating[Any]]
    """Softmax probability of that class."""


def save_predictions(path: Path, predictions: Predictions) -> None:
    """Write a predictions file (npz with `predicted` and `confidence`) atomically.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(exist_ok=True)
    with whole_file(path, durable=False) as file:  # the loop does not wait for the disk
        np.savez_compressed(file, predicted=predictions.predicted, confidence=predictions.confidence)


def read_images(folder: RunFolder, fingerprint: str) -> Images:
    """The validation images of a run, as `core.data.dataset.write_images` wrote them.

    Raises:
        StorageError: they are missing or damaged.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):  # the log may come from elsewhere
        raise StorageError(f'"{fingerprint}" names no images')
    pixels, labels = folder.images / f"{fingerprint}.npy", folder.images / f"{fingerprint}.labels.npy"
    try:
        return _open_images(pixels, labels)
    except StorageError as error:
        match error.__cause__:
            case FileNotFoundError():
                remedy = "; they lie beside the runs: copy the folder .images along with a run"
            case PermissionError():  # the reason is all there is to tell
                remedy = ""
            case _:
                remedy = f"; remove {pixels.name}, and the next run on the same images writes it anew"
        raise StorageError(f"{error}{remedy}") from error


def read_predictions(folder: RunFolder, path: str, images: Images, num_classes: int) -> Predictions:
    """What was said of `images`, from a file in a run folder; `path` is relative to that.

    Raises:
        StorageError: it is missing or damaged, lies elsewhere, or does not fit the images and classes.
    """
    root = folder.path.resolve()
    file = Path(os.path.realpath(root / path))  # Path.resolve() raises where links run in circles
    if not file.is_relative_to(root):
        raise StorageError(f"{path} leads out of the run folder")
    try:
        written_ns = file.stat().st_mtime_ns
    except FileNotFoundError:
        raise StorageError(f"there is no {file}") from None
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}") from error
    said = _read_predictions(file, written_ns)
    shape = images.labels.shape
    if said.predicted.shape != shape or said.confidence.shape != shape:
        raise StorageError(f"{file} does not fit the images: it is of {len(said.predicted)} and they are {shape[0]}")
    if len(images.labels) and max(int(images.labels.max()), int(said.predicted.max())) >= num_classes:
        raise StorageError(f"{file} or the labels of the images name classes that the run does not have")
    return said


@lru_cache(maxsize=4)
def _open_images(pixels_file: Path, labels_file: Path) -> Images:
    pixels, labels = _load(pixels_file, mapped=True), _load(labels_file)
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or pixels.dtype != np.uint8:
        raise StorageError(f"{pixels_file} does not hold images")
    if labels.shape != pixels.shape[:1] or labels.dtype != np.uint16:
        raise StorageError(f"{labels_file} does not hold the labels of {pixels_file.name}")
    return Images(pixels, labels)


@lru_cache(maxsize=8)
def _read_predictions(file: Path, written_ns: int) -> Predictions:
    # An epoch that is trained again, after a rollback or from an older checkpoint, writes the same file anew.
    predicted, confidence = _load(file, "predicted"), _load(file, "confidence")
    if predicted.ndim != 1 or predicted.dtype.kind != "u" or confidence.dtype.kind != "f":
        raise StorageError(f"{file} does not hold predictions")
    return Predictions(predicted, confidence.astype(np.float32))


def _load(path: Path, member: str | None = None, *, mapped: bool = False) -> NDArray[Any]:
    try:
        with open_plain(path) as file:  # numpy waits for a pipe, and leaves a file open that it cannot read
            if mapped:
                loaded = np.load(path, mmap_mode="r", allow_pickle=False)
            else:
                loaded = np.load(file, allow_pickle=False)
                loaded = loaded if member is None else loaded[member]
        if not isinstance(loaded, np.ndarray):
            raise ValueError("it holds several arrays")
        return loaded
    except FileNotFoundError as error:
        raise StorageError(f"there is no {path}") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # of NumPy, zipfile, zlib, tokenize: there is no list of what these find in noise
        raise StorageError(f"{path} is damaged") from error
