"""Per-class figures over the epochs: the rows behind every class table."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core import events as ev
from core.metrics import ClassMetrics, Counts, class_metrics, counts_of
from core.state import RunState

_TREND_EPOCHS = 40


@dataclass(frozen=True)
class ClassRow:
    """A class in the last epoch. Fractions; NaN where there is nothing to divide by."""

    index: int
    name: str
    superclass: str
    accuracy: float
    """Recall: of the images of the class, the part predicted as it."""
    change: float | None
    """Since the epoch before."""
    precision: float
    f1: float
    support: int
    trend: tuple[float, ...]
    """Accuracy of the last epochs, the newest last."""
    confused_with: int | None
    """The class most often predicted instead."""
    confused_share: float
    published: float | None


@dataclass
class ClassHistory:
    """Metrics of the epochs that the trend shows, computed once an epoch."""

    _epochs: list[ev.EpochEnded] = field(default_factory=list)
    _metrics: list[ClassMetrics] = field(default_factory=list)
    _rows: list[ClassRow] = field(default_factory=list)

    def rows(self, state: RunState) -> list[ClassRow]:
        """A row a class, in label order; empty before the first epoch has ended."""
        epochs = state.epochs[-_TREND_EPOCHS:]
        if list(map(id, epochs)) == list(map(id, self._epochs)):
            return self._rows
        # A replay that steps back, and a run that goes back to a checkpoint, show most of these epochs again.
        known = {id(epoch): metrics for epoch, metrics in zip(self._epochs, self._metrics, strict=True)}
        self._metrics = [known.get(id(epoch)) or class_metrics(_counts(epoch, state)) for epoch in epochs]
        self._epochs = epochs
        self._rows = self._make(state) if epochs else []
        return self._rows

    def _make(self, state: RunState) -> list[ClassRow]:
        now = self._metrics[-1]
        off = _counts(self._epochs[-1], state)
        np.fill_diagonal(off, 0)
        worst = off.argmax(axis=1)
        history = np.stack([metrics.recall for metrics in self._metrics])
        published = state.run.published.per_class if state.run and state.run.published else {}
        rows = []
        for index, name in enumerate(state.classes):
            count = int(off[index, worst[index]])
            before = float(self._metrics[-2].recall[index]) if len(self._metrics) > 1 else None
            rows.append(
                ClassRow(
                    index=index,
                    name=name,
                    superclass=superclass(state, index),
                    accuracy=float(now.recall[index]),
                    change=None if before is None else float(now.recall[index]) - before,
                    precision=float(now.precision[index]),
                    f1=float(now.f1[index]),
                    support=int(now.support[index]),
                    trend=tuple(history[:, index].tolist()),
                    confused_with=int(worst[index]) if count else None,
                    confused_share=count / max(int(now.support[index]), 1),
                    published=published.get(name),
                )
            )
        return rows


def _counts(epoch: ev.EpochEnded, state: RunState) -> Counts:
    return counts_of(epoch.validation.confusion, len(state.classes))


def superclass(state: RunState, index: int) -> str:
    """Name of a class's superclass; empty where there is none."""
    run = state.run
    return run.superclasses[run.superclass_of[index]] if run and run.superclass_of else ""
