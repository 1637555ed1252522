"""Which of the validation images are shown, and why there are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.errors import StorageError
from core.predictions import Images, Predictions, read_images, read_predictions
from core.runfolder import RunFolder
from core.state import RunState

Indices = NDArray[np.intp]


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
            return read_images(self.folder, name)
        except StorageError as error:
            self.problem = f"The validation images cannot be read: {error}"
            return None

    def predictions(self, state: RunState, images: Images, epoch: int | None = None) -> Predictions | None:
        """What was said of the images after an epoch, by default the last; None where it is not to be had."""
        chosen = [ended for ended in state.epochs if epoch is None or ended.epoch == epoch]
        if not chosen:
            self.problem = "The first evaluation says which images are mistaken"
            return None
        path = chosen[-1].validation.predictions
        if path is None:
            self.problem = f"The predictions of epoch {chosen[-1].epoch} were not kept"
            return None
        try:
            return read_predictions(self.folder, path, images, len(state.classes))
        except StorageError as error:
            self.problem = f"The predictions of epoch {chosen[-1].epoch} cannot be read: {error}"
            return None
