"""Numbers derived from a confusion matrix: per-class precision, recall and F1, and the most confused pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def counts_of(confusion: Sequence[Sequence[int]], num_classes: int) -> Counts:
    """The K×K matrix of an evaluation; zeros, which tell nothing, where a log's does not fit its classes."""
    fits = len(confusion) == num_classes
    return np.array(confusion, np.int64) if fits else np.zeros((num_classes, num_classes), np.int64)


@dataclass(frozen=True)
class ClassMetrics:
    """Per-class metrics as fractions, one value a class; NaN where a class has no images or no predictions."""

    recall: Floats
    """Of the images of a class, the part predicted as it: the accuracy of the class."""
    precision: Floats
    """Of the images predicted as a class, the part that is of it."""
    f1: Floats
    support: Counts
    """Images of the class."""


def class_metrics(confusion: Counts) -> ClassMetrics:
    """Metrics of each class from a K×K matrix of counts (rows actual, columns predicted)."""
    hits = np.diagonal(confusion).astype(np.float64)
    support, predicted = confusion.sum(1), confusion.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, precision = hits / support, hits / predicted
        # 2TP / (support + predicted) is the harmonic mean of both, defined as soon as either has images.
        f1 = 2 * hits / (support + predicted)
    return ClassMetrics(recall=recall, precision=precision, f1=f1, support=support.astype(np.int64))


@dataclass(frozen=True)
class Confusion:
    """One cell off the diagonal of a confusion matrix."""

    actual: int
    predicted: int
    count: int
    share: float
    """Of the images of the actual class."""


def top_confusions(confusion: Counts, limit: int, *, by_count: bool = False) -> list[Confusion]:
    """The `limit` cells off the diagonal with the largest share of their row, or `by_count` with the most images.

    The largest come first, of equal ones those of the first classes; empty ones are left out.
    """
    support = confusion.sum(1, keepdims=True)
    share = confusion / np.maximum(support, 1)
    np.fill_diagonal(share, 0)
    weight = np.where(share > 0, confusion, 0) if by_count else share
    order = np.argsort(-weight, axis=None, kind="stable")[:limit]
    rows, columns = np.unravel_index(order, share.shape)
    return [
        Confusion(int(row), int(column), int(confusion[row, column]), float(share[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if share[row, column] > 0  # the diagonal is 0 here
    ]


def collapse(confusion: Counts, group_of: Sequence[int], num_groups: int) -> Counts:
    """Sum a K×K matrix into groups of classes; the result is num_groups × num_groups."""
    of = np.asarray(group_of, np.intp)
    # Summed cell by cell: a product of integer matrices takes 70 ms for 300 classes, and is made of every epoch shown.
    summed = np.bincount((of[:, None] * num_groups + of).ravel(), confusion.ravel(), num_groups * num_groups)
    return summed.reshape(num_groups, num_groups).astype(np.int64)
