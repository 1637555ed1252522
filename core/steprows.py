"""The per-batch values of a run: one row a step, made from the records that carried them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import events as ev
from core.columns import Columns

Floats = NDArray[np.float64]
Chunk = tuple[ev.Batches, float, float, float, int]
"""Steps on their way into the columns and where the run stood then: its time after them, the time of the row before
them, training seconds and images before them."""


def step_columns() -> Columns:
    """Empty columns: `seconds` of the run's time, `elapsed` seconds of training alone, `images` trained on so far."""
    names = ("step", "epoch", "loss", "lr", "accuracy", "gradient_norm", "seconds", "elapsed", "images")
    return Columns(*names, expand=_expand)


def _expand(chunks: list[Chunk]) -> dict[str, Floats]:
    """The rows of chunks; the same numbers to the last bit, however many come together."""
    events, seconds, earliest, training_seconds, num_images = zip(*chunks, strict=True)
    losses = [event.loss for event in events]
    counts = np.fromiter(map(len, losses), np.intp, len(losses))
    total, starts = int(counts.sum()), np.cumsum(counts) - counts
    place = np.arange(total) - np.repeat(starts, counts)
    part = (place + 1) / np.repeat(counts, counts)

    def each(values: Any) -> Floats:
        return np.repeat(np.array(values, np.float64), counts)

    def every(lists: list[list[float]]) -> Floats:
        return np.fromiter(chain.from_iterable(lists), np.float64, total)

    taken = each([event.seconds for event in events])
    return {
        "step": each([event.first_step for event in events]) + place,
        "epoch": each([event.epoch for event in events]),
        "loss": every(losses),
        "lr": every([event.lr for event in events]),
        "accuracy": every([event.accuracy for event in events]),
        "gradient_norm": every([event.gradient_norm for event in events]),
        "seconds": np.maximum(each(seconds) - taken * (1 - part), each(earliest)),
        "elapsed": each(training_seconds) + taken * part,
        "images": each(num_images) + each([event.num_images for event in events]) * part,
    }
