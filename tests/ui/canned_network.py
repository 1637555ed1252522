"""The network of a canned run, which was never trained: its layers, its images and what it takes them for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core import events as ev


def layers(num_classes: int) -> Iterator[ev.Layer]:
    """Three convolutions with pooling, and a linear layer."""
    side, channels = 32, 3
    for number, out in enumerate((16, 32, 64), start=1):
        yield ev.Layer(
            name=f"conv{number}",
            kind="conv 3x3",
            output_shape=(out, side, side),
            num_parameters=9 * channels * out + out,
            flops=2 * 9 * channels * out * side * side,
            receptive_field=2 ** (number + 1) - 1,
        )
        side, channels = side // 2, out
        yield ev.Layer(
            name=f"pool{number}",
            kind="max pool 2x2",
            output_shape=(out, side, side),
            num_parameters=0,
            flops=0,
            receptive_field=2 ** (number + 1),
        )
    yield ev.Layer(
        name="fc",
        kind="linear",
        output_shape=(num_classes,),
        num_parameters=1024 * num_classes + num_classes,
        flops=2048 * num_classes,
        receptive_field=None,
    )


def labels_of(num_classes: int, num_images: int) -> NDArray[np.int64]:
    """Of all validation images: as many of each class, one class after the other."""
    return np.repeat(np.arange(num_classes), num_images // num_classes)


def predict(
    random: np.random.Generator, labels: NDArray[np.int64], num_classes: int, *, skill: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What each image is taken for and how surely, by a network that has learned so much (from 0 to 1)."""
    confidence = random.uniform(0.3, 1.0, len(labels))
    own = skill * (0.6 + 0.4 * np.cos(labels)) + 0.2
    wrong = random.uniform(size=len(labels)) > own
    # Each class is most often taken for its neighbour.
    shift = random.choice([1, 1, 1, 2, 3, num_classes // 2], size=len(labels))
    return np.where(wrong, (labels + shift) % num_classes, labels), confidence


def write_images(folder: Path, num_classes: int, num_images: int) -> str:
    """Write images of plain gradients with their labels; their fingerprint."""
    name = f"{num_classes:016x}"
    folder.mkdir(exist_ok=True)
    labels = labels_of(num_classes, num_images).astype(np.uint16)
    rows, columns = np.mgrid[0:32, 0:32]
    pixels = np.empty((len(labels), 32, 32, 3), np.uint8)
    for number, label in enumerate(labels.tolist()):
        pixels[number, :, :, 0] = (rows * 8 + 3 * label) % 256
        pixels[number, :, :, 1] = (columns * 8 + number) % 256
        pixels[number, :, :, 2] = 25 * label % 256
    np.save(folder / f"{name}.npy", pixels)
    np.save(folder / f"{name}.labels.npy", labels)
    return name
