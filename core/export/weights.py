"""Weights for other programs: a safetensors file that says what it is, and a model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
from torch import nn

from core.checkpoint import Meta
from core.codec import spell_out
from core.config import Normalize, TrainConfig
from core.errors import DataError, StorageError, UsageError
from core.events import Evaluation, RunStarted
from core.export.files import replacing, write_text
from core.export.gather import RunData
from core.export.model_card import model_card
from core.models import build_model
from core.predict import Say, find_checkpoint, load_weights, normalization
from core.resume import stored_config

FORMAT = "1"


def write_weights(data: RunData, which: str, folder: Path, say: Say) -> list[Path]:
    """Write model.safetensors and README.md.

    Args:
        data: the run.
        which: its checkpoint: `last`, `best` or the name of one.
        folder: where to.
        say: hears what is being loaded and what could not be found out.

    Raises:
        CifarTuiError: there is no such checkpoint, it is damaged, or the run's settings are not known.
    """
    started = data.started()
    if data.manifest is None:
        raise StorageError(f"run {data.id} has no run.json: its network is unknown")
    config = stored_config(data.manifest)
    path = find_checkpoint(data.folder, which)
    model = build_model(
        config.model.name,
        num_classes=len(started.classes),
        image_shape=started.image_shape,
        args=config.model.args,
    )
    meta = load_weights(model, path)
    evaluation = recorded_evaluation(data, meta)
    described = metadata(data, config, _normalization(started, config, say), path.name, meta, evaluation)
    target = folder / "model.safetensors"
    with replacing(target) as file:
        file.write(safetensors.torch.save(tensors(model), described))
    steering = [command.message for command in data.state.steering_at.get(path.name, ())]
    card = model_card(described, evaluation, started.num_validation_images, steering)
    return [target, write_text(folder / "README.md", card)]


def tensors(model: nn.Module) -> dict[str, Any]:
    """The model's state; contiguous, and none sharing memory with another, as safetensors wants it."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}


def recorded_evaluation(data: RunData, meta: Meta) -> Evaluation | None:
    """What the run recorded of the weights of a checkpoint; None where it did not evaluate them."""
    for epoch in reversed(data.state.epochs):
        # Not by the epoch: a run that ends within one is evaluated as in that epoch, which was not completed.
        if epoch.step == meta.step:
            return epoch.validation
    return next((asked.validation for asked in reversed(data.state.evaluations) if asked.step == meta.step), None)


def metadata(
    data: RunData,
    config: TrainConfig,
    normalize: Normalize | str | None,
    checkpoint: str,
    meta: Meta,
    evaluation: Evaluation | None,
) -> dict[str, str]:
    """What the file says of itself; safetensors takes texts only, so everything but names is JSON."""
    started = data.started()
    metrics = {}
    if evaluation is not None:
        metrics = {"validation_loss": evaluation.loss, "validation_top1": evaluation.top1}
        if evaluation.top1_test_time is not None:
            metrics["validation_top1_test_time"] = evaluation.top1_test_time
        if evaluation.top5 is not None:
            metrics["validation_top5"] = evaluation.top5
    plain: dict[str, Any] = {
        "classes": started.classes,
        "image_shape": started.image_shape,
        "normalize": normalize,
        "model_args": config.model.args,
        "step": meta.step,
        "epoch": meta.epoch,
        "metrics": metrics,
        "config": data.config,
        "versions": started.versions,
    }
    texts = {
        "format": "pt",
        "cifar_tui_format": FORMAT,
        "run": data.id,
        "recipe": started.recipe,
        "dataset": started.dataset,
        "model": config.model.name,
        "checkpoint": checkpoint,
        "checkpoint_sha256": meta.sha256,
    }
    spelled = {key: msgspec.json.encode(value).decode() for key, value in plain.items()}
    described: dict[str, str] = spell_out(texts | spelled)
    return described


def _normalization(started: RunStarted, config: TrainConfig, say: Say) -> Normalize | str | None:
    try:
        return normalization(started, config, say)
    except (DataError, UsageError) as error:
        say(f"the file will not hold the mean and standard deviation of the training images: {error}")
        return "train"
