"""The size of the data after each layer of a plain network, by arithmetic alone: no network is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from core.events import Layer
from core.recipes import Recipe

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Conv:
    """A convolution with a bias and without padding."""

    channels: int
    """Of its output."""
    kernel: int
    stride: int = 1


@dataclass(frozen=True)
class MaxPool:
    """Max pooling in windows beside each other."""

    side: int


@dataclass(frozen=True)
class Flatten:
    """A map as one row of numbers."""


@dataclass(frozen=True)
class Linear:
    """A fully connected layer with a bias."""

    features: int


Step = Conv | MaxPool | Flatten | Linear

PUBLISHED: tuple[tuple[Shape, tuple[Step, ...]], ...] = (
    ((1, 28, 28), (Conv(3, 3), Conv(5, 3), Flatten(), Linear(30), Linear(10))),
    (
        (1, 64, 64),
        (Conv(3, 5, stride=2), MaxPool(2), Conv(5, 5, stride=2), MaxPool(2), Flatten(), Linear(30), Linear(10)),
    ),
)
"""The tutorial's two networks with the images (channels, height, width) that they take."""


class _Data(NamedTuple):
    """What comes out of a layer."""

    shape: Shape
    field: int | None = 1
    """Side in input pixels of what a position sees; None for all of them."""
    jump: int = 1
    """Input pixels between neighbouring positions."""

    def slide(self, channels: int, kernel: int, stride: int) -> _Data:
        """After a window has gone over the map, as far as it fits."""
        covers = kernel >= max(self.shape[1:])
        field = None if covers or self.field is None else self.field + (kernel - 1) * self.jump
        sides = ((side - kernel) // stride + 1 for side in self.shape[1:])
        return _Data((channels, *sides), field, self.jump * stride)


def trace(image_shape: Shape, steps: Sequence[Step]) -> list[Layer]:
    """The layers of a network, as `core.models.summary.describe` tells them of the same network in PyTorch.

    Args:
        image_shape: channels, height, width.
        steps: what the image goes through.

    Returns:
        Output size, parameters, FLOPs of one image and receptive field of each layer.
    """
    data, layers, number = _Data(image_shape), [], Counter[type[Step]]()
    for step in steps:
        name, kind, num_parameters, flops, data = _run(step, data)
        number[type(step)] += 1
        layers.append(
            Layer(
                name=name if isinstance(step, Flatten) else f"{name}{number[type(step)]}",
                kind=kind,
                output_shape=data.shape,
                num_parameters=num_parameters,
                flops=flops,
                receptive_field=data.field,
            )
        )
    return layers


def _run(step: Step, data: _Data) -> tuple[str, str, int, int, _Data]:
    """Name, kind, parameters and FLOPs of a step, and what comes out of it."""
    channels = data.shape[0]
    match step:
        case Conv(filters, kernel, stride):
            after = data.slide(filters, kernel, stride)
            weights = kernel**2 * channels
            kind = f"conv {kernel}x{kernel}" + (f" /{stride}" if stride > 1 else "")
            return "conv", kind, filters * (weights + 1), 2 * weights * prod(after.shape), after
        case MaxPool(side):
            after = data.slide(channels, side, side)
            return "pool", f"max pool {side}x{side}", 0, (side**2 - 1) * prod(after.shape), after
        case Flatten():
            return "flatten", "flatten", 0, 0, _Data((prod(data.shape),), None)
        case Linear(features):
            weights = channels * features
            return "fc", "linear", weights + features, 2 * weights, _Data((features,), None)


def stack(kernel: int, num_layers: int) -> tuple[int, int]:
    """Of stacked convolutions: the side of their receptive field, in pixels, and how many weights they have
    from one channel to one."""
    side = 1 + num_layers * kernel  # room enough for all of them
    field = trace((1, side, side), [Conv(1, kernel)] * num_layers)[-1].receptive_field
    assert field is not None
    return field, num_layers * kernel**2


def recipe_layers(recipe: Recipe) -> list[Layer]:
    """The layers of a recipe's network on the images of its data set. For these `core` loads PyTorch."""
    from core.data.catalog import DATASETS
    from core.models import build_model
    from core.models.summary import describe

    config, dataset = recipe.config, DATASETS[recipe.config.data.dataset]
    shape = dataset.image_shape
    num_classes = len(dataset.classes)
    model = build_model(config.model.name, num_classes=num_classes, image_shape=shape, args=config.model.args)
    return describe(model, shape)
