"""What part of a confusion matrix is looked at, and how. Pure: state in, heatmap out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from core.metrics import collapse, counts_of
from core.state import RunState
from tui.gallery import Subject
from tui.render.heatmap import HeatSpec, Normalise

Counts = NDArray[np.int64]
_GROUP_FROM = 40
"""So many classes are shown by superclass at first."""


class Against(Enum):
    """Which epoch to compare with."""

    NOTHING = "nothing"
    PREVIOUS = "the epoch before"
    FIRST = "the first epoch"
    BEST = "the best epoch"


@dataclass(frozen=True)
class ConfusionView:
    """The choices behind a confusion map."""

    cursor: tuple[int, int] = (0, 0)
    """Row and column among the groups shown."""
    normalise: Normalise = Normalise.ROW
    hide_diagonal: bool = False
    by_superclass: bool | None = None
    """None: where there are many classes."""
    opened: int | None = None
    """The superclass whose classes are shown."""
    epoch: int | None = None
    """None follows the last one."""
    against: Against = Against.NOTHING

    def groups(self, state: RunState) -> list[tuple[str, frozenset[int]]]:
        """The rows (and columns): a name and the classes in each."""
        run = state.run
        if run is None:
            return []
        singles = [(name, frozenset([index])) for index, name in enumerate(run.classes)]
        if not run.superclass_of:
            return singles
        if self.opened is not None:
            return [singles[index] for index, of in enumerate(run.superclass_of) if of == self.opened]
        if (self.by_superclass is None and len(singles) < _GROUP_FROM) or self.by_superclass is False:
            return singles
        return [
            (name, frozenset(index for index, of in enumerate(run.superclass_of) if of == number))
            for number, name in enumerate(run.superclasses)
        ]

    def shown_epoch(self, state: RunState) -> int | None:
        """The epoch shown, if any has ended."""
        known = [ended.epoch for ended in state.epochs]
        return self.epoch if self.epoch in known else known[-1] if known else None

    def counts(self, state: RunState, epoch: int | None) -> Counts | None:
        """Counts between the groups at the end of an epoch."""
        ended = next((ended for ended in state.epochs if ended.epoch == epoch), None)
        if ended is None:
            return None
        return between(counts_of(ended.validation.confusion, len(state.classes)), self.groups(state))

    def baseline_epoch(self, state: RunState) -> int | None:
        """The epoch to compare with; None where there is none yet."""
        shown = self.shown_epoch(state)
        known = [ended.epoch for ended in state.epochs]
        if shown is None:
            return None
        match self.against:
            case Against.NOTHING:
                return None
            case Against.PREVIOUS:
                before = [epoch for epoch in known if epoch < shown]
                return before[-1] if before else None
            case Against.FIRST:
                return known[0]
            case Against.BEST:
                return state.best.epoch if state.best else None

    def spec(self, state: RunState) -> HeatSpec:
        """What to draw."""
        groups = self.groups(state)
        counts = self.counts(state, self.shown_epoch(state))
        baseline = self.baseline_epoch(state)
        return HeatSpec(
            np.zeros((len(groups), len(groups))) if counts is None else counts,
            tuple(name for name, _ in groups),
            self.normalise,
            self.hide_diagonal,
            self.clamped(len(groups)).cursor,
            None if baseline is None else self.counts(state, baseline),
        )

    def clamped(self, size: int) -> ConfusionView:
        """With the cursor within `size` groups."""
        row, column = (min(max(at, 0), max(size - 1, 0)) for at in self.cursor)
        return replace(self, cursor=(row, column))

    def moved(self, down: int, right: int, size: int) -> ConfusionView:
        """With the cursor elsewhere."""
        return replace(self, cursor=(self.cursor[0] + down, self.cursor[1] + right)).clamped(size)

    def subject(self, state: RunState) -> Subject | None:
        """The images of the cell under the cursor."""
        groups = self.groups(state)
        if not groups:
            return None
        row, column = self.clamped(len(groups)).cursor
        (actual, members), (predicted, others) = groups[row], groups[column]
        return Subject(members, others, f"{actual} → {predicted}" if row != column else actual, self.epoch)


def between(matrix: Counts, groups: list[tuple[str, frozenset[int]]]) -> Counts:
    """Counts between groups of classes, from those between the classes."""
    of = np.full(len(matrix), len(groups))
    for number, (_, members) in enumerate(groups):
        of[list(members)] = number
    return collapse(matrix, of.tolist(), len(groups) + 1)[:-1, :-1]


def turned(view: ConfusionView) -> ConfusionView:
    """With the next way to normalise."""
    kinds = list(Normalise)
    return replace(view, normalise=kinds[(kinds.index(view.normalise) + 1) % len(kinds)])


def compared(view: ConfusionView) -> ConfusionView:
    """With the next epoch to compare with."""
    kinds = list(Against)
    return replace(view, against=kinds[(kinds.index(view.against) + 1) % len(kinds)])
