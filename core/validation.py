"""Validation within a run: evaluate, keep the predictions, and let a signal cut it short."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from torch import Tensor

from core import events as ev
from core.config import TestTime
from core.evaluate import evaluate
from core.predictions import save_predictions
from core.runfolder import RunFolder
from core.setup import Setup
from core.signals import Signals


class EvaluationInterruptedError(Exception):
    """A signal came while the validation set was run."""


class Validator:
    """Runs the network of a run over its validation set."""

    def __init__(self, setup: Setup, folder: RunFolder, emit: Callable[[ev.Event], None], signals: Signals) -> None:
        self._setup, self._folder, self._emit, self._signals = setup, folder, emit, signals

    def validate(self, name: str, test_time: TestTime = "none") -> ev.Evaluation:
        """Evaluate, and write what was predicted to predictions/`name`.npz.

        Raises:
            EvaluationInterruptedError: a signal came; nothing was written.
        """
        self._emit(ev.PhaseChanged(phase="evaluating"))
        validation, predictions = evaluate(
            self._setup.model,
            self._batches(),
            num_classes=len(self._setup.dataset.classes),
            autocast=self._setup.autocast(),
            test_time=test_time,
        )
        path = self._folder.predictions / f"{name}.npz"
        try:
            save_predictions(path, predictions)
        except OSError as error:
            self._emit(ev.Notice(level="warning", text=f"cannot write {path.name}: {error.strerror}"))
            return validation
        return msgspec.structs.replace(validation, predictions=str(path.relative_to(self._folder.path)))

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._setup.validation_batches():
            if self._signals.request is not None:
                raise EvaluationInterruptedError
            yield batch
