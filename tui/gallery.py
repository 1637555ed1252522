"""The validation images and what the model said of them, read from the files a trainer leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.runfolder import RunFolder
from core.state import RunState

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Images:
    """The validation set: `pixels` is N×H×W×C uint8 and stays on disk, `labels` is N."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint16]


@dataclass(frozen=True)
class Predictions:
    """What the model said at the end of an epoch, in the order of the images."""

    predicted: NDArray[np.uint16]
    confidence: NDArray[np.float32]


class Show(Enum):
    """Which images are shown."""

    MISTAKES = "mistakes, surest first"
    DOUBTFUL = "right, least sure first"
    ALL = "all, in their order"


@dataclass(frozen=True)
class Subject:
    """What to show images of. None means any."""

    actual: frozenset[int] | None = None
    predicted: frozenset[int] | None = None
    title: str = ""
    epoch: int | None = None
    """Whose predictions these are; None follows the last one."""

    @property
    def is_right(self) -> bool:
        """Whether it holds images that were recognized and no others: a cell on the diagonal."""
        return self.actual is not None and len(self.actual) == 1 and self.actual == self.predicted

    def select(self, images: Images, said: Predictions, show: Show) -> Indices:
        """Numbers of the images, in the order of `show`."""
        kept = _is(images.labels, self.actual) & _is(said.predicted, self.predicted)
        right = images.labels == said.predicted
        match show:
            case Show.MISTAKES:
                found = np.flatnonzero(kept & ~right)
                return found[np.argsort(-said.confidence[found], kind="stable")]
            case Show.DOUBTFUL:
                found = np.flatnonzero(kept & right)
                return found[np.argsort(said.confidence[found], kind="stable")]
            case Show.ALL:
                return np.flatnonzero(kept)


def _is(values: NDArray[np.uint16], wanted: frozenset[int] | None) -> NDArray[np.bool_]:
    return np.ones(len(values), bool) if wanted is None else np.isin(values, list(wanted))


@dataclass
class Gallery:
    """Images and predictions of a run. `problem` says why there are none."""

    folder: RunFolder
    problem: str = field(default="", init=False)

    def images(self, state: RunState) -> Images | None:
        """The validation images; None where they are not to be had."""
        self.problem = ""
        if state.run is None:
            self.problem = "The images come with the run's start"
            return None
        name = state.run.image_fingerprint
        if name is None:
            self.problem = "The trainer could not share its images: see the log"
            return None
        try:
            return _open_images(self.folder.images / f"{name}.npy", self.folder.images / f"{name}.labels.npy")
        except FileNotFoundError as error:
            self.problem = (
                f"The validation images cannot be read: there is no {error.filename}. They lie beside the runs: copy "
                "the folder .images along with a run"
            )
            return None
        except (OSError, ValueError) as error:
            self.problem = f"The validation images cannot be read: {error}"
            return None

    def predictions(self, state: RunState, epoch: int | None = None) -> Predictions | None:
        """The predictions of an epoch, by default of the last; None where they are not to be had."""
        chosen = [ended for ended in state.epochs if epoch is None or ended.epoch == epoch]
        if not chosen:
            self.problem = "The first evaluation says which images are mistaken"
            return None
        path = chosen[-1].validation.predictions
        if path is None:
            self.problem = f"The predictions of epoch {chosen[-1].epoch} were not kept"
            return None
        try:
            file = inside(self.folder.path, path)
            return _read_predictions(file, file.stat().st_mtime_ns)
        except (OSError, ValueError, KeyError) as error:
            self.problem = f"The predictions of epoch {chosen[-1].epoch} cannot be read: {error}"
            return None


def inside(folder: Path, path: str) -> Path:
    """A path within a folder, which a foreign log must not lead out of.

    Raises:
        ValueError: it leads elsewhere.
    """
    full = (folder / path).resolve()
    if not full.is_relative_to(folder.resolve()):
        raise ValueError(f"{path} leads out of the run folder")
    return full


@lru_cache(maxsize=4)
def _open_images(pixels: Path, labels: Path) -> Images:
    images = np.load(pixels, mmap_mode="r", allow_pickle=False)
    names = np.load(labels, allow_pickle=False)
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) != len(names):
        raise ValueError(f"{pixels.name} does not hold images")
    return Images(images, names)


@lru_cache(maxsize=8)
def _read_predictions(path: Path, written_ns: int) -> Predictions:
    # An epoch that is trained again, after a rollback or from an older checkpoint, writes the same file anew.
    with np.load(path, allow_pickle=False) as file:
        return Predictions(file["predicted"], file["confidence"].astype(np.float32))
