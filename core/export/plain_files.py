"""CSV files and the JSON document: the tables of a run for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.codec import spell_out
from core.export.files import replacing
from core.export.gather import RunData
from core.export.tables import (
    BATCH_COLUMNS,
    CLASS_COLUMNS,
    EPOCH_COLUMNS,
    batch_columns,
    epoch_rows,
    tables,
)
from core.metrics import class_metrics

JSON_SCHEMA = 1


def write_csv(data: RunData, folder: Path) -> list[Path]:
    """Write batches.csv, epochs.csv, classes.csv and confusion.csv (RFC 4180, UTF-8, with a header line).

    What is not known and what is not a number is an empty field; infinity is `inf`. A million steps take about 5 s.

    Raises:
        StorageError: they cannot be written.
    """
    paths = []
    for table in tables(data):
        path = folder / f"{table.name}.csv"
        with replacing(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
            writer = csv.writer(text)
            writer.writerow(table.header)
            for columns in table.chunks:
                writer.writerows(zip(*map(_without_nan, columns), strict=True))
            text.flush()
            text.detach()
        paths.append(path)
    return paths


def _without_nan(column: list[Any]) -> list[Any]:
    # NaN is the one value that differs from itself; csv writes None as an empty field.
    return [None if value != value else value for value in column]


def write_json(data: RunData, path: Path) -> Path:
    """Write one JSON document with everything the CSV files hold, the settings and the published results.

    Steps come as columns, epochs as rows with their classes and confusion matrix. Numbers that JSON does not know are
    the strings "NaN", "Infinity" and "-Infinity", as in the event log; what is not known is null.

    Raises:
        StorageError: it cannot be written.
    """
    with replacing(path) as file:
        file.write(msgspec.json.encode(document(data)))
        file.write(b"\n")
    return path


def document(data: RunData) -> dict[str, Any]:
    """The JSON export as plain values."""
    state, run, best = data.state, data.state.run, data.state.best
    epochs = []
    for row, epoch in zip(epoch_rows(data), state.epochs, strict=True):
        counts = data.confusion(epoch)
        metrics = class_metrics(counts)
        per_class = {name: spelled(getattr(metrics, name)) for name in ("recall", "precision", "f1", "support")}
        epochs.append(spell_out(row) | {"classes": per_class, "confusion": counts.tolist()})
    return {
        "schema": JSON_SCHEMA,
        "columns": {"batches": BATCH_COLUMNS, "epochs": EPOCH_COLUMNS, "classes": CLASS_COLUMNS},
        "run": {
            "id": spell_out(data.id),
            "recipe": run.recipe if run else data.manifest.recipe if data.manifest else None,
            "dataset": run.dataset if run else data.config.get("data", {}).get("dataset"),
            "status": data.status,
            "reason": data.reason,
            "created": data.manifest.created if data.manifest else None,
            "epochs_done": state.epoch,
            "steps_done": state.step,
            "num_epochs": state.num_epochs,
            "num_steps": state.num_steps,
            "num_parameters": run.num_parameters if run else None,
            "training_seconds": round(state.training_seconds, 3),
            "images_per_second": spell_out(state.mean_images_per_second),
            "device": msgspec.to_builtins(run.device) if run else None,
            "versions": run.versions if run else {},
        },
        "best": {"epoch": best.epoch, "step": best.step, "validation_top1": best.top1} if best else None,
        "classes": data.classes,
        "superclasses": run.superclasses if run else [],
        "superclass_of": run.superclass_of if run else [],
        "config": spell_out(data.config),
        "published": spell_out(msgspec.to_builtins(run.published)) if run and run.published else None,
        "batches": {name: spelled(column) for name, column in batch_columns(data).items()},
        "epochs": epochs,
    }


def spelled(values: np.ndarray[Any, Any]) -> list[Any]:
    """An array as a list that JSON can hold."""
    plain: list[Any] = values.tolist()
    return plain if np.isfinite(values).all() else [spell_out(value) for value in plain]
