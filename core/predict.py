"""Use the weights of a finished run: evaluate a checkpoint again, classify image files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from core.checkpoint import Meta, load_checkpoint, newest_first, resolve_checkpoint
from core.codec import spell_out
from core.config import Normalize, TrainConfig
from core.data.class_folders import check_classes, is_same_data
from core.data.dataset import Dataset, load_dataset
from core.data.folder import read_image
from core.data.pipeline import resolve_normalization
from core.device import choose_device
from core.errors import CheckpointError, DataError, UsageError, nearest
from core.evaluate import evaluate
from core.events import Evaluation, PhaseChanged, RunStarted
from core.models import build_model
from core.resume import stored_config
from core.runfolder import RunFolder
from core.setup import set_up

Say = Callable[[str], None]
"""Takes a line for a person: what is being waited for, or what could not be used."""
_BATCH_SIZE = 256
_NUM_GUESSES = 5


def find_checkpoint(folder: RunFolder, which: str) -> Path:
    """The checkpoint folder that `which` means: `last`, `best`, or the name of one, as step-00012345.

    Raises:
        CheckpointError: there is none of that name; the message tells which there are, or that they cannot be read.
    """
    # os.path and not Path, which before Python 3.14 raises where one may not look.
    pointers = [name for name in ("last", "best") if os.path.isfile(folder.checkpoints / name)]
    if which in pointers:
        return resolve_checkpoint(folder.checkpoints, which)
    names = [path.name for path in newest_first(folder.checkpoints)]
    if which in names:
        return folder.checkpoints / which
    if not names:
        raise CheckpointError(f"run {folder.id} has no checkpoint: none has been saved")
    have = f"it has {', '.join(sorted(names))}"
    have += "; --checkpoint last takes the newest" if "last" in pointers else ""
    raise CheckpointError(f'run {folder.id} has no checkpoint "{which}": {have}.{nearest(which, names)}')


def load_weights(model: nn.Module, path: Path, device: torch.device | str = "cpu") -> Meta:
    """Put the weights of a checkpoint folder into `model`, and return what is known of the checkpoint.

    Raises:
        CheckpointError: it is damaged or of another network.
    """
    state, meta = load_checkpoint(path, device)
    try:
        model.load_state_dict(state["model"])
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"checkpoint {path} does not fit the network of its run: {reason}") from error
    return meta


@dataclass(frozen=True)
class Reevaluation:
    """A checkpoint on the validation set."""

    checkpoint: str
    meta: Meta
    evaluation: Evaluation
    num_images: int
    device: str
    precision: str


def evaluate_checkpoint(
    folder: RunFolder,
    which: str,
    *,
    started: RunStarted | None = None,
    device: str | None = None,
    data_dir: Path | None = None,
    dataset: str | None = None,
    say: Say,
) -> Reevaluation:
    """Evaluate a checkpoint on the validation set of its run, as the training did.

    Args:
        folder: the run.
        which: see `find_checkpoint`.
        started: how it began, if known: a folder of images may have changed since.
        device: instead of the run's setting.
        data_dir: where data sets are kept, instead of the run's setting.
        dataset: `folder:PATH` of the run's images, if they have moved.
        say: hears what is being loaded, and whether the images are others than the run's.

    Raises:
        CifarTuiError: checkpoint, settings, device or data cannot be used.
    """
    path = find_checkpoint(folder, which)
    config = _config(folder, device, data_dir, dataset)
    setup = set_up(config, lambda event: _tell(event, say))
    if started is not None:
        _compare_data(started, setup.dataset, say)
    meta = load_weights(setup.model, path, setup.device)
    evaluation, _ = evaluate(
        setup.model,
        setup.validation_batches(),
        num_classes=len(setup.dataset.classes),
        autocast=setup.autocast(),
        test_time=config.test_time,
    )
    return Reevaluation(
        path.name, meta, evaluation, len(setup.validation), setup.device_info.name, setup.device_info.precision
    )


def _compare_data(started: RunStarted, dataset: Dataset, say: Say) -> None:
    # The log spells out names that are no Unicode.
    check_classes(dataset.name, started.classes, spell_out(dataset.classes), "evaluate it")
    if started.image_fingerprint not in (None, dataset.fingerprint):
        say(f"the validation images of {dataset.name} have changed since: this is not what the run was evaluated on")


@dataclass(frozen=True)
class Guess:
    """A class and the softmax probability that the network gives it."""

    label: str
    probability: float


def predict(
    folder: RunFolder,
    started: RunStarted,
    images: Iterable[Path],
    which: str,
    *,
    device: str | None = None,
    data_dir: Path | None = None,
    dataset: str | None = None,
    say: Say,
) -> Iterator[tuple[Path, list[Guess] | DataError]]:
    """Classify image files: for each its five most probable classes, or why it cannot be read, without a full stop.

    Images of any size are turned upright, scaled and cropped about the centre as `core.data.folder` does, in grey for
    a network that takes one channel.

    Args:
        folder: the run.
        started: how it began: classes and shape of the images.
        images: files, in the order of the answers.
        which: see `find_checkpoint`.
        device, data_dir, dataset: instead of the run's settings.
        say: hears what is being loaded.

    Raises:
        CifarTuiError: checkpoint, settings, device or data cannot be used.
    """
    path = find_checkpoint(folder, which)
    config = _config(folder, device, data_dir, dataset)
    chosen, info = choose_device(config)
    model = build_model(
        config.model.name,
        num_classes=len(started.classes),
        image_shape=started.image_shape,
        args=config.model.args,
    )
    load_weights(model, path)
    model.to(chosen).eval()
    normalize = normalization(started, config, say)
    for part in _parts(list(images)):
        read = [(image, _read(image, started.image_shape)) for image in part]
        pixels = [array for _, array in read if not isinstance(array, DataError)]
        answers: Iterator[list[Guess]] = iter(())
        if pixels:
            inputs = _normalized(torch.from_numpy(np.stack(pixels)), normalize).to(chosen)
            with torch.inference_mode(), torch.autocast(chosen.type, torch.bfloat16, info.precision == "bfloat16"):
                logits = model(inputs)
            answers = iter(_guesses(logits.float().softmax(1).cpu(), started.classes))
        for image, array in read:
            yield image, array if isinstance(array, DataError) else next(answers)


def normalization(started: RunStarted, config: TrainConfig, say: Say) -> Normalize | None:
    """Mean and standard deviation with which a run was trained; where an old run does not tell, its data set is read.

    Raises:
        DataError: it cannot be.
    """
    if started.mean:
        return Normalize(mean=tuple(started.mean), std=tuple(started.std))
    if config.data.normalize != "train":
        return config.data.normalize
    say(f"reading {config.data.dataset} for the mean and standard deviation of its training images")
    return resolve_normalization(config.data, load_dataset(config.data, report=say).train)


def _config(folder: RunFolder, device: str | None, data_dir: Path | None, dataset: str | None) -> TrainConfig:
    config = stored_config(folder.read_manifest())
    data = config.data if data_dir is None else msgspec.structs.replace(config.data, dir=str(data_dir))
    if dataset is not None:
        if not is_same_data(data.dataset, dataset):
            raise UsageError(
                f"run {folder.id} was trained on {data.dataset}: --dataset tells where that has moved to, and takes no "
                "other data"
            )
        data = msgspec.structs.replace(data, dataset=dataset)
    return msgspec.structs.replace(config, data=data, device=device or config.device, compile=False)


def _tell(event: Any, say: Say) -> None:
    if isinstance(event, PhaseChanged) and event.phase == "loading_data":
        say(f"loading data: {event.detail}")


def _parts(images: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(images), _BATCH_SIZE):
        yield images[start : start + _BATCH_SIZE]


def _read(path: Path, shape: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.uint8]] | DataError:
    """The image as uint8 C×H×W, or why not."""
    channels, side, _ = shape  # all data sets have square images
    pixels = read_image(path, side)
    if isinstance(pixels, DataError):
        return pixels
    if channels == 1:
        return np.array(Image.fromarray(pixels).convert("L"))[None]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _normalized(images: Tensor, normalize: Normalize | None) -> Tensor:
    inputs = images.float() / 255
    if normalize is None:
        return inputs
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (normalize.mean, normalize.std))
    return (inputs - mean) / std


def _guesses(probabilities: Tensor, classes: list[str]) -> list[list[Guess]]:
    best = probabilities.topk(min(_NUM_GUESSES, len(classes)))
    return [
        [Guess(classes[index], value) for index, value in zip(indices, values, strict=True)]
        for indices, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
