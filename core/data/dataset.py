"""Loading a data set: named by `DataConfig`, ready for the device, checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.config import DataConfig
from core.data import official
from core.data.catalog import DATASETS, check_dataset_name, data_dir
from core.data.class_folders import folder_of
from core.errors import StorageError
from core.paths import whole_file

_HOLDOUT_SEED = 20_090_408


@dataclass(frozen=True)
class Split:
    """Images with their labels."""

    images: Tensor
    """uint8, N×C×H×W."""
    labels: Tensor
    """int64, N."""

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Split:
        """The same on `device`."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Training and validation images with the names of their classes."""

    name: str
    classes: tuple[str, ...]
    superclasses: tuple[str, ...]
    """Empty where there are none."""
    superclass_of: tuple[int, ...]
    """For each class the index of its superclass; empty where there are none."""
    train: Split
    validation: Split
    fingerprint: str
    """Names the validation images and labels: 16 hexadecimal digits of a hash over them."""


def load_dataset(config: DataConfig, *, report: Callable[[str], None]) -> Dataset:
    """The data set that `config` names, in main memory.

    Which images are held out (`config.validation == "holdout"`, or a folder: without a validation part) does not depend
    on the seed of the run: runs with different seeds are compared on the same images, and an image that one of them was
    trained on never validates another.

    Args:
        config: names the set, its directory and what validates.
        report: called with a line of progress where loading takes a while.

    Raises:
        UsageError: no such data set.
        DataError: missing, damaged or unusable files; the message says which and what to do.
    """
    check_dataset_name(config.dataset)
    hold_out = config.validation == "holdout"
    if (path := folder_of(config.dataset)) is not None:
        from core.data.folder import load_folder  # pulls in Pillow

        classes, *parts = load_folder(path, config.image_size or 32, report, hold_out=hold_out)
        train, validation = (Split(*part) for part in parts)
        return Dataset(config.dataset, classes, (), (), train, validation, fingerprint_of(validation))
    info = DATASETS[config.dataset]
    train, validation = _load_named(config.dataset, data_dir(config.dir), report)
    if hold_out:
        train, validation = hold_out_tenth(train)
    fingerprint = fingerprint_of(validation)
    return Dataset(info.name, info.classes, info.superclasses, info.superclass_of, train, validation, fingerprint)


def _load_named(name: str, root: Path, report: Callable[[str], None]) -> tuple[Split, Split]:
    match name:
        case "shapes":
            from core.data.shapes import render_shapes

            parts = render_shapes("train"), render_shapes("validation")
        case "cifar10":
            parts = official.read_cifar(official.CIFAR10, root, "labels", report)
        case "cifar100":
            parts = official.read_cifar(official.CIFAR100, root, "fine_labels", report)
        case "cifar100-coarse":
            parts = official.read_cifar(official.CIFAR100, root, "coarse_labels", report)
        case "mnist":
            parts = official.read_mnist(official.MNIST, root, report)
        case "fashion-mnist":
            parts = official.read_mnist(official.FASHION_MNIST, root, report)
        case _:
            raise AssertionError(f"{name} is in the catalogue but nothing loads it")
    return Split(*parts[0]), Split(*parts[1])


def hold_out_tenth(train: Split) -> tuple[Split, Split]:
    """Nine tenths of the images for training; for validation the last tenth (rounded down) of a fixed permutation."""
    # RandomState, because its streams are frozen (NEP 19): every version of NumPy holds out the same images.
    order = torch.from_numpy(np.random.RandomState(_HOLDOUT_SEED).permutation(len(train)))
    boundary = len(train) - len(train) // 10
    kept, held_out = order[:boundary], order[boundary:]
    return Split(train.images[kept], train.labels[kept]), Split(train.images[held_out], train.labels[held_out])


def fingerprint_of(split: Split) -> str:
    """16 hexadecimal digits that name the images and labels of `split`."""
    digest = blake2b(repr(tuple(split.images.shape)).encode(), digest_size=8)
    digest.update(split.images.contiguous().numpy().data)
    digest.update(split.labels.numpy().data)
    return digest.hexdigest()


def write_images(dataset: Dataset, folder: Path) -> None:
    """Write the validation images for viewers, once: `<fingerprint>.npy` and `<fingerprint>.labels.npy` in `folder`.

    The images are uint8 N×H×W×C and the labels uint16 N, both for `numpy.load(..., mmap_mode="r")`. Each file appears
    whole or not at all, and the images last, so whoever sees them finds the labels too.

    Raises:
        StorageError: the folder cannot be written.
    """
    images_path = folder / f"{dataset.fingerprint}.npy"
    if os.path.exists(images_path):
        return
    split = dataset.validation
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{dataset.fingerprint}.labels.npy") as file:
            np.save(file, split.labels.numpy().astype(np.uint16), allow_pickle=False)
        with whole_file(images_path) as file:
            np.save(file, split.images.permute(0, 2, 3, 1).contiguous().numpy(), allow_pickle=False)
    except OSError as error:
        reason = error.strerror or error  # NumPy's own errors have no number
        raise StorageError(f"The validation images cannot be written to {folder} ({reason}).") from error
