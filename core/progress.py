"""Where a run is, and the state that a checkpoint holds of it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from torch import Tensor

from core.config import BestMetric
from core.data.class_folders import is_same_data
from core.errors import CheckpointError
from core.events import Evaluation
from core.meter import Totals
from core.optim.schedules import PlateauState
from core.setup import Setup


class Progress(msgspec.Struct, kw_only=True):
    """Where a run is, and what decides how it goes on besides weights and optimiser; part of a checkpoint."""

    step: int = 0
    """Steps done."""
    epoch: int = 0
    """Epochs completed."""
    batch: int = 0
    """Batches done of the epoch under way."""
    totals: Totals = Totals()
    """Metrics of the epoch under way."""
    num_epochs: int
    lr_scale: float = 1.0
    """Product of the factors of commands and rollbacks."""
    num_rollbacks: int = 0
    """How often a divergence has sent it back."""
    plateau: PlateauState = PlateauState()
    best: float | None = None
    """Of the metric that `checkpoint.best` names; larger is better."""

    def take_result(self, metric: BestMetric, value: float) -> bool:
        """Take the metric after an epoch into account; whether it is the best so far."""
        score = -value if metric == "validation_loss" else value
        is_best = math.isfinite(score) and (self.best is None or score > self.best)
        if is_best:
            self.best = score
        return is_best


def result_of(metric: BestMetric, validation: Evaluation, train_accuracy: float) -> float:
    """The metric after an epoch."""
    match metric:
        case "validation_top1":
            return validation.top1
        case "train_accuracy":
            return train_accuracy
        case "validation_loss":
            return validation.loss


def capture(progress: Progress, setup: Setup) -> dict[str, Any]:
    """Tensors and plain values that decide every further step; the order of the data and all randomness follow from
    it."""
    return {
        "model": setup.model.state_dict(),
        "optimizer": setup.optimizer.state_dict(),
        "progress": msgspec.to_builtins(progress),
        "config": msgspec.to_builtins(setup.config),
        "classes": list(setup.dataset.classes),
    }


def restore(state: dict[str, Any], setup: Setup, *, epochs_asked: bool = False, lr_asked: bool = False) -> Progress:
    """Put what `capture` gave into the network and the optimiser, and return where the run was.

    Settings of the optimiser stay those of this run, which may have been changed on purpose; one of another kind, which
    keeps other things of a parameter, begins anew. With other data or batches it counts as many epochs as were
    completed, and begins the one under way anew. With `epochs_asked` the number of epochs in the settings holds, even
    if it is the one that a command has changed since. Another learning rate than before, or with `lr_asked` the same
    one, is not scaled as commands and rollbacks have scaled that one. Where "best" means another metric than before,
    nothing is the best yet.

    Raises:
        CheckpointError: the state belongs to another network.
    """
    optimizer = setup.optimizer
    tensors = {parameter: dict(values) for parameter, values in optimizer.state.items()}
    settings = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    try:
        setup.model.load_state_dict(state["model"])
        kinds = {state["config"]["optimizer"]["name"], setup.config.optimizer.name}
        if len(kinds) == 1 or kinds == {"adam", "adamw"}:
            optimizer.load_state_dict(state["optimizer"])
        progress = msgspec.convert(state["progress"], Progress)
        epochs_then, data_then = state["config"]["epochs"], state["config"]["data"]
        best_then, lr_then = state["config"]["checkpoint"]["best"], state["config"]["optimizer"]["lr"]
    except (KeyError, TypeError, ValueError, RuntimeError, msgspec.ValidationError) as error:
        raise CheckpointError(f"the checkpoint does not fit this run: {error}") from error
    for group, values in zip(optimizer.param_groups, settings, strict=True):
        group.update(values)
    for parameter, values in optimizer.state.items():
        for key, tensor in tensors.get(parameter, {}).items():
            if isinstance(tensor, Tensor):  # a captured graph goes on using the very same tensor
                values[key] = tensor.copy_(values[key])
    # A number of epochs given now counts; one that a command gave earlier is part of the progress.
    if epochs_asked or setup.config.epochs != epochs_then:
        progress.num_epochs = setup.config.epochs
    if lr_asked or setup.config.optimizer.lr != lr_then:  # likewise; commands and rollbacks have scaled the one before
        progress.lr_scale = 1.0
    if setup.config.checkpoint.best != best_then:
        progress.best = None
    first_step = progress.epoch * setup.train_data.steps_per_epoch
    data = msgspec.to_builtins(setup.config.data)
    is_other = not is_same_data(data_then["dataset"], data["dataset"]) or any(
        data[name] != data_then.get(name) for name in ("validation", "batch_size", "drop_last")
    )
    if is_other or progress.step != first_step + progress.batch:
        progress.step, progress.batch, progress.totals = first_step, 0, Totals()
    return progress
