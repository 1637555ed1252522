"""Everything an export shows of a run, read once: its manifest, the fold of its events, when they were."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import events as ev
from core.columns import Columns
from core.errors import StorageError
from core.predictions import Images, Predictions, read_images, read_predictions
from core.reader import EventReader
from core.runfolder import Manifest, RunFolder
from core.runsummary import GONE, has_died
from core.state import RunState
from core.steered import steered

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class RunData:
    """A run to be exported."""

    folder: RunFolder
    manifest: Manifest | None
    """None where run.json is missing or damaged."""
    state: RunState
    step_walls: NDArray[np.float64]
    """Seconds since the epoch at the end of each step in `state.batches`."""
    epoch_walls: list[float]
    """Seconds since the epoch at the end of each epoch in `state.epochs`."""
    warnings: tuple[str, ...] = ()
    """What a person should know about the export: damaged lines, missing files."""
    has_died: bool = False
    """Whether it has neither ended nor a trainer."""

    @property
    def id(self) -> str:
        """Name of the run."""
        return self.folder.id

    @property
    def status(self) -> str:
        """How the run fares: as `RunState.status`, or `died`."""
        return "died" if self.has_died else self.state.status

    @property
    def reason(self) -> str | None:
        """Why it is over; None while it is not."""
        return self.state.ended.reason if self.state.ended else GONE if self.has_died else None

    @property
    def config(self) -> dict[str, Any]:
        """The settings as nested plain values."""
        if self.state.run is not None:
            return self.state.run.config
        return self.manifest.config if self.manifest else {}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as steering has left them; `config` is what was asked for."""
        return steered(self.config, self.state)

    @cached_property
    def classes(self) -> list[str]:
        """Class names in label order; numbers where the log has lost them."""
        num_classes = len(self.state.epochs[-1].validation.confusion) if self.state.epochs else 0
        names = self.state.classes
        return names if len(names) >= num_classes else [*names, *map(str, range(len(names), num_classes))]

    @property
    def last_epoch(self) -> ev.EpochEnded | None:
        """The epoch that tables show."""
        return self.state.epochs[-1] if self.state.epochs else None

    def confusion(self, epoch: ev.EpochEnded) -> NDArray[np.int64]:
        """Counts of an epoch, K×K; rows are actual classes."""
        return np.asarray(epoch.validation.confusion, np.int64).reshape(len(self.classes), -1)

    def started(self) -> ev.RunStarted:
        """How the run began.

        Raises:
            StorageError: it never did, or the log does not say.
        """
        if self.state.run is not None:
            return self.state.run
        if (ended := self.state.ended) and not self.state.step:
            raise StorageError(f"run {self.id} {ended.status} before it had begun: {ended.reason}")
        raise StorageError(f"the log of run {self.id} does not tell how it began: its classes are unknown")


def gather(folder: RunFolder, now_wall: float | None = None) -> RunData:
    """Read a run, as it stands at `now_wall`, by default now.

    Raises:
        StorageError: there is no log, it holds nothing, or it was written by a newer version.
    """
    warnings: list[str] = []
    try:
        manifest = folder.read_manifest()
    except StorageError as error:
        manifest = None
        warnings.append(str(error))
    reader, state = EventReader(folder.events_file), RunState()
    walls = Columns("wall", expand=_step_walls)
    epoch_walls: list[float] = []
    before = -1
    while reader.offset != before:  # a block may hold nothing but damaged lines
        before = reader.offset
        for record in reader.poll(_BLOCK_BYTES):
            state.apply(record)
            # What `state` dropped is dropped here; what it appended is the end of this record.
            event = record.event
            added = len(event.loss) if isinstance(event, ev.Batches) else 0
            walls.truncate(len(state.batches) - added)
            if isinstance(event, ev.Batches) and added:
                walls.put_off(added, (record.wall, event.seconds, added))
            ended = isinstance(event, ev.EpochEnded)
            del epoch_walls[len(state.epochs) - ended :]
            epoch_walls += [record.wall] * ended
    if state.num_records == 0:
        raise StorageError(f"run {folder.id} has no events in {folder.events_file}")
    if reader.num_corrupt:
        lines = "line is" if reader.num_corrupt == 1 else "lines are"
        warnings.append(f"{reader.num_corrupt} damaged {lines} left out of {folder.events_file}")
    if not state.epochs:
        warnings.append(f"run {folder.id} has not finished an epoch: there is nothing to show of its classes")
    died = has_died(folder, state, time.time() if now_wall is None else now_wall)
    data = RunData(folder, manifest, state, walls["wall"], epoch_walls, tuple(warnings), died)
    num_classes = len(data.classes)
    for epoch in state.epochs:
        if {num_classes} != {len(epoch.validation.confusion), *map(len, epoch.validation.confusion)}:
            raise StorageError(
                f"the log of run {data.id} is at odds with itself: {num_classes} classes, but the "
                f"confusion matrix of epoch {epoch.epoch} has another size"
            )
    return data


def _step_walls(chunks: list[tuple[float, float, int]]) -> dict[str, NDArray[np.float64]]:
    """Wall time at the end of each step, from that of the record, the seconds and the number of its steps."""
    walls, seconds, added = zip(*chunks, strict=True)
    counts = np.array(added)
    place = np.arange(1, counts.sum() + 1) - np.repeat(np.cumsum(counts) - counts, counts)
    left = np.repeat(np.array(seconds), counts) * (1 - place / np.repeat(counts, counts))
    return {"wall": np.repeat(np.array(walls), counts) - left}


def read_answers(data: RunData) -> tuple[Images, Predictions]:
    """The validation images, and what the network said of them after the last epoch.

    Raises:
        StorageError: something of it is missing or damaged.
    """
    epoch, run = data.last_epoch, data.state.run
    if epoch is None or epoch.validation.predictions is None:
        raise StorageError(f"run {data.id} has kept no predictions")
    if run is None or run.image_fingerprint is None:
        raise StorageError(f"run {data.id} has kept no images")
    images = read_images(data.folder, run.image_fingerprint)
    return images, read_predictions(data.folder, epoch.validation.predictions, images, len(data.classes))
