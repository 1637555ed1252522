"""Metrics of a confusion matrix against a straightforward count over single images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import Confusion, class_metrics, collapse, top_confusions

Pairs = list[tuple[int, int]]
"""(actual, predicted) of each image."""


@st.composite
def predictions(draw: st.DrawFn) -> tuple[int, Pairs]:
    """A number of classes and what was said of some images of them."""
    num_classes = draw(st.integers(1, 6))
    label = st.integers(0, num_classes - 1)
    return num_classes, draw(st.lists(st.tuples(label, label), max_size=40))


def matrix(num_classes: int, pairs: Pairs) -> np.ndarray:
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    for actual, predicted in pairs:
        counts[actual, predicted] += 1
    return counts


def part(count: int, of: int) -> float:
    return count / of if of else math.nan


@given(case=predictions())
def test_metrics_of_each_class(case: tuple[int, Pairs]) -> None:
    num_classes, pairs = case
    metrics = class_metrics(matrix(num_classes, pairs))
    for label in range(num_classes):
        hits = sum(actual == predicted == label for actual, predicted in pairs)
        support = sum(actual == label for actual, _ in pairs)
        predicted_as = sum(predicted == label for _, predicted in pairs)
        recall, precision = part(hits, support), part(hits, predicted_as)
        assert metrics.support[label] == support
        assert metrics.recall[label] == pytest.approx(recall, nan_ok=True)
        assert metrics.precision[label] == pytest.approx(precision, nan_ok=True)
        if hits:  # the textbook's harmonic mean
            assert metrics.f1[label] == pytest.approx(2 * precision * recall / (precision + recall))
        elif support or predicted_as:
            assert metrics.f1[label] == 0
        else:
            assert math.isnan(metrics.f1[label])


@given(case=predictions(), limit=st.integers(0, 12))
def test_the_most_confused_pairs(case: tuple[int, Pairs], limit: int) -> None:
    num_classes, pairs = case
    wrong = {(actual, predicted) for actual, predicted in pairs if actual != predicted}
    expected = []
    for actual, predicted in wrong:
        count = pairs.count((actual, predicted))
        share = count / sum(a == actual for a, _ in pairs)
        expected.append(Confusion(actual, predicted, count, share))
    expected.sort(key=lambda cell: (-cell.share, cell.actual, cell.predicted))
    assert top_confusions(matrix(num_classes, pairs), limit) == expected[:limit]


def test_pairs_are_compared_by_their_share_of_the_class_and_not_by_their_count() -> None:
    counts = np.array([[900, 100, 0], [0, 100, 0], [0, 5, 5]])
    assert [(cell.actual, cell.predicted, cell.share) for cell in top_confusions(counts, 9)] == [
        (2, 1, 0.5),
        (0, 1, 0.1),
    ]


def test_by_count_they_are_the_commonest_mistakes_whatever_their_share() -> None:
    counts = np.array([[8, 2, 0], [1, 9, 0], [3, 3, 4]])
    found = top_confusions(counts, 3, by_count=True)
    assert [(cell.actual, cell.predicted, cell.count) for cell in found] == [(2, 0, 3), (2, 1, 3), (0, 1, 2)]
    assert found[0].share == 0.3
    assert len(top_confusions(counts, 100, by_count=True)) == 4
    assert top_confusions(np.eye(3, dtype=int), 9, by_count=True) == []


def test_the_matrix_itself_is_left_alone() -> None:
    counts = np.array([[3, 1], [2, 4]])
    before = counts.copy()
    class_metrics(counts)
    top_confusions(counts, 2)
    collapse(counts, [0, 0], 1)
    assert (counts == before).all()


@given(case=predictions(), data=st.data())
def test_collapsing_counts_images_by_the_groups_of_their_classes(case: tuple[int, Pairs], data: st.DataObject) -> None:
    num_classes, pairs = case
    num_groups = data.draw(st.integers(1, 4))
    group_of = data.draw(st.lists(st.integers(0, num_groups - 1), min_size=num_classes, max_size=num_classes))
    grouped = [(group_of[actual], group_of[predicted]) for actual, predicted in pairs]
    assert collapse(matrix(num_classes, pairs), group_of, num_groups).tolist() == matrix(num_groups, grouped).tolist()
