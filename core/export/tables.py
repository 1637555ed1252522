"""A run as plain tables: one row a step, an epoch, a class of an epoch, a cell of a confusion matrix.

Accuracies are fractions, times seconds. The CSV and the JSON export hold these same columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.export.gather import RunData
from core.metrics import class_metrics

Column = list[Any]


@dataclass(frozen=True)
class Table:
    """Columns of equal length, by name, a chunk of rows at a time."""

    name: str
    header: tuple[str, ...]
    chunks: Iterator[tuple[Column, ...]]


_CHUNK_ROWS = 1 << 16

BATCH_COLUMNS = {
    "step": "0-based index of the step in the run",
    "epoch": "1-based",
    "loss": "mean over the batch",
    "learning_rate": "",
    "accuracy": "top-1 of the batch as it was trained, a fraction",
    "gradient_norm": "global L2 norm before clipping",
    "images": "training images seen so far",
    "run_seconds": "since the run's first event, attempts put end to end",
    "training_seconds": "of training alone: without evaluation, saving and pauses",
    "wall": "seconds since 1970-01-01 UTC",
}
EPOCH_COLUMNS = {
    "epoch": "1-based",
    "step": "steps done so far",
    "train_loss": "mean over images",
    "train_accuracy": "a fraction",
    "validation_loss": "mean over images",
    "validation_top1": "a fraction",
    "validation_top1_test_time": "a fraction, over views of each image; where it is set, after the last epoch",
    "validation_top5": "a fraction; none with fewer than six classes",
    "learning_rate": "of the epoch's last step",
    "seconds": "of training in this epoch",
    "training_seconds": "of training up to here",
    "validation_seconds": "",
    "images_per_second": "",
    "is_best": "1 for the highest validation_top1",
    "wall": "seconds since 1970-01-01 UTC",
}
CLASS_COLUMNS = {
    "epoch": "1-based",
    "class_index": "0-based label",
    "class": "",
    "recall": "of the images of the class, the part predicted as it",
    "precision": "of the images predicted as the class, the part that is of it",
    "f1": "harmonic mean of both",
    "support": "images of the class",
}
CONFUSION_COLUMNS = {
    "epoch": "1-based",
    "actual_index": "0-based label",
    "actual": "",
    "predicted_index": "0-based label",
    "predicted": "",
    "count": "images; pairs that never occurred are left out",
}


def batch_columns(data: RunData, rows: slice = slice(None)) -> dict[str, NDArray[Any]]:
    """Columns of the steps, named and described by BATCH_COLUMNS."""
    batches = data.state.batches
    return {
        "step": batches["step"][rows].astype(np.int64),
        "epoch": batches["epoch"][rows].astype(np.int64),
        "loss": batches["loss"][rows],
        "learning_rate": batches["lr"][rows],
        "accuracy": batches["accuracy"][rows],
        "gradient_norm": batches["gradient_norm"][rows],
        "images": np.rint(batches["images"][rows]).astype(np.int64),
        "run_seconds": batches["seconds"][rows].round(6),
        "training_seconds": batches["elapsed"][rows].round(6),
        "wall": data.step_walls[rows].round(6),
    }


def epoch_rows(data: RunData) -> list[dict[str, Any]]:
    """A row an epoch, named and described by EPOCH_COLUMNS."""
    best = data.state.best
    return [
        {
            "epoch": epoch.epoch,
            "step": epoch.step,
            "train_loss": epoch.train_loss,
            "train_accuracy": epoch.train_accuracy,
            "validation_loss": epoch.validation.loss,
            "validation_top1": epoch.validation.top1,
            "validation_top1_test_time": epoch.validation.top1_test_time,
            "validation_top5": epoch.validation.top5,
            "learning_rate": epoch.lr,
            "seconds": epoch.seconds,
            "training_seconds": round(elapsed, 6),
            "validation_seconds": epoch.validation.seconds,
            "images_per_second": epoch.images_per_second,
            "is_best": int(best is not None and best.epoch == epoch.epoch),
            "wall": round(wall, 6),
        }
        for epoch, elapsed, wall in zip(data.state.epochs, data.state.epoch_seconds, data.epoch_walls, strict=True)
    ]


def tables(data: RunData) -> tuple[Table, ...]:
    """All tables of a run."""
    return (
        Table("batches", tuple(BATCH_COLUMNS), _batches(data)),
        Table("epochs", tuple(EPOCH_COLUMNS), _epochs(data)),
        Table("classes", tuple(CLASS_COLUMNS), _classes(data)),
        Table("confusion", tuple(CONFUSION_COLUMNS), _confusion(data)),
    )


def _batches(data: RunData) -> Iterator[tuple[Column, ...]]:
    for start in range(0, len(data.state.batches), _CHUNK_ROWS):
        columns = batch_columns(data, slice(start, start + _CHUNK_ROWS))
        yield tuple(column.tolist() for column in columns.values())


def _epochs(data: RunData) -> Iterator[tuple[Column, ...]]:
    rows = epoch_rows(data)
    if rows:
        yield tuple([row[name] for row in rows] for name in EPOCH_COLUMNS)


def _classes(data: RunData) -> Iterator[tuple[Column, ...]]:
    names = data.classes
    for epoch in data.state.epochs:
        metrics = class_metrics(data.confusion(epoch))
        yield (
            [epoch.epoch] * len(names),
            list(range(len(names))),
            names,
            metrics.recall.tolist(),
            metrics.precision.tolist(),
            metrics.f1.tolist(),
            metrics.support.tolist(),
        )


def _confusion(data: RunData) -> Iterator[tuple[Column, ...]]:
    names = data.classes
    for epoch in data.state.epochs:
        counts = data.confusion(epoch)
        actual, predicted = (index.tolist() for index in np.nonzero(counts))
        yield (
            [epoch.epoch] * len(actual),
            actual,
            [names[index] for index in actual],
            predicted,
            [names[index] for index in predicted],
            counts[actual, predicted].tolist(),
        )
