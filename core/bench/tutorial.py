"""The loop that tutorials teach, to measure against: a network's own settings, and everything else as one finds it.

Pillow images, torchvision's transforms one image at a time in a DataLoader, NCHW and float32, an optimiser of
torch.optim as it comes, and `.item()` of the loss and of the right answers at every step.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, assert_never

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from core.bench.figures import Sample
from core.config import (
    Affine,
    Augment,
    ColorJitter,
    Cutout,
    DataConfig,
    HorizontalFlip,
    Normalize,
    OptimizerConfig,
    RandomCrop,
    Rotation,
    TrainConfig,
)
from core.data.dataset import Split, load_dataset
from core.data.pipeline import resolve_normalization
from core.device import choose_device
from core.models import build_model

Item = tuple[Tensor, int]

_NUM_WORKERS_FOR_GPU = 4


class PillowImages(TorchDataset[Item]):
    """A split as torchvision's data sets give it: Pillow images through a transform, one at a time."""

    def __init__(self, split: Split, transform: Any) -> None:
        # As torchvision keeps them: NumPy, channels last.
        self._images = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = split.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Item:
        pixels = self._images[index]
        image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
        return self._transform(image), self._labels[index]


def transform_of(specs: tuple[Augment, ...], normalize: Normalize | None, side: int) -> transforms.Compose:
    """torchvision's counterpart of augmentations of images with `side` pixels a side: Pillow image in, tensor out."""
    steps: list[Any] = [_counterpart(spec, side) for spec in specs if not _needs_tensor(spec)]
    steps.append(transforms.ToTensor())
    if normalize is not None:
        steps.append(transforms.Normalize(normalize.mean, normalize.std))
    return transforms.Compose(steps + [_counterpart(spec, side) for spec in specs if _needs_tensor(spec)])


def _needs_tensor(spec: Augment) -> bool:
    """torchvision erases parts of tensors only, and the mean is what zeros are after normalising."""
    return isinstance(spec, Cutout) or (isinstance(spec, RandomCrop) and spec.mode == "mean")


def _counterpart(spec: Augment, side: int) -> Any:
    match spec:
        case HorizontalFlip():
            return transforms.RandomHorizontalFlip(spec.p)
        case RandomCrop():
            mode = "reflect" if spec.mode == "reflect" else "constant"
            return transforms.RandomCrop(side, padding=spec.padding, padding_mode=mode)
        case Rotation():
            return transforms.RandomRotation(spec.degrees)
        case Affine():
            return transforms.RandomAffine(spec.degrees, shear=spec.shear, scale=spec.scale)
        case ColorJitter():
            return transforms.ColorJitter(spec.brightness, spec.contrast, spec.saturation)
        case Cutout():
            area = (spec.size / side) ** 2
            return transforms.RandomErasing(p=1.0, scale=(area, area), ratio=(1.0, 1.0))
        case _:
            assert_never(spec)


def training_loader(split: Split, config: DataConfig, normalize: Normalize | None, **settings: Any) -> DataLoader[Item]:
    """Augmented batches in a new random order every epoch; `settings` are the DataLoader's."""
    images = PillowImages(split, transform_of(config.augment, normalize, split.images.shape[-1]))
    return DataLoader(images, config.batch_size, shuffle=True, drop_last=config.drop_last, **settings)


class Tutorial:
    """The loop, ready to run.

    Args:
        config: network, batch size, augmentations and optimiser.
        num_workers: of the DataLoader; None is 4 for a GPU, if there are as many cores, and DataLoader's own 0 for a
            CPU, whose cores the steps need.

    Raises:
        UsageError, DataError: something in `config` cannot be used here.
    """

    def __init__(self, config: TrainConfig, num_workers: int | None = None) -> None:
        self._settings = config.optimizer
        self._device, _ = choose_device(config)
        if num_workers is None:
            num_workers = min(_NUM_WORKERS_FOR_GPU, os.cpu_count() or 1) if self._device.type == "cuda" else 0
        dataset = load_dataset(config.data, report=lambda line: None)
        normalize = resolve_normalization(config.data, dataset.train)
        settings: dict[str, Any] = {"num_workers": num_workers, "pin_memory": self._device.type == "cuda"}
        self._training = training_loader(dataset.train, config.data, normalize, **settings)
        side = dataset.train.images.shape[-1]
        validation = PillowImages(dataset.validation, transform_of((), normalize, side))
        self._validation: DataLoader[Item] = DataLoader(validation, config.data.batch_size, **settings)
        torch.manual_seed(config.seed)
        _, channels, height, width = dataset.train.images.shape
        self._model = build_model(
            config.model.name,
            num_classes=len(dataset.classes),
            image_shape=(channels, height, width),
            args=config.model.args,
        ).to(self._device)
        self._optimizer = plain_optimizer(self._model, config.optimizer)
        self._batches = self._endless()
        self.losses: list[float] = []
        """Of every step."""

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from self._training

    def steps(self, seconds: float) -> Sample:
        """Train for `seconds`, and to the end of that step. `.item()` waits for the device in each."""
        started, images = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - started) < seconds:
            images += self._step(*next(self._batches))
        return Sample(images, elapsed)

    def epoch(self) -> Sample:
        """Train an epoch, then evaluate the validation set; the images are those trained on."""
        started = time.perf_counter()
        images = sum(self._step(inputs, labels) for inputs, labels in self._training)
        self.accuracy()
        return Sample(images, time.perf_counter() - started)

    def _step(self, inputs: Tensor, labels: Tensor) -> int:
        inputs, labels = inputs.to(self._device), labels.to(self._device)
        self._optimizer.zero_grad()
        logits = self._model(inputs)
        loss = F.cross_entropy(logits, labels, label_smoothing=self._settings.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._settings.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self._model.parameters(), self._settings.clip_value)
        if self._settings.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._settings.clip_norm)
        self._optimizer.step()
        self.losses.append(loss.item())
        (logits.argmax(1) == labels).sum().item()
        return len(labels)

    def accuracy(self) -> float:
        """Top-1 on the validation set."""
        self._model.eval()
        correct = count = 0
        with torch.no_grad():
            for inputs, labels in self._validation:
                answers = self._model(inputs.to(self._device)).argmax(1)
                correct += int((answers == labels.to(self._device)).sum().item())
                count += len(labels)
        self._model.train()
        return correct / count


def plain_optimizer(model: torch.nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """An optimiser of torch.optim as it comes; SGD with Nesterov momentum for Muon, which it has for matrices only."""
    match config.name:
        case "adam" | "adamw":
            kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
            return kind(
                model.parameters(), lr=config.lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
            )
        case "sgd" | "muon":
            return torch.optim.SGD(
                model.parameters(),
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov or config.name == "muon",
                weight_decay=config.weight_decay,
            )
        case _:
            assert_never(config.name)
