"""CIFAR-100 with three convolutions and two fully connected layers."""

from __future__ import annotations

from core.config import (
    DataConfig,
    HorizontalFlip,
    ModelConfig,
    Normalize,
    OptimizerConfig,
    RandomCrop,
    TrainConfig,
)
from core.events import Curve, Published
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "c100-cnn"

DATA = DataConfig(
    dataset="cifar100",
    batch_size=100,
    normalize=Normalize(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761)),
    # It flips and crops after it has normalised, so the zeros of its padding are the mean, not black.
    augment=(HorizontalFlip(p=0.5), RandomCrop(padding=4, mode="mean")),
)
"""Shared with c100-resnet26-adam, which comes from the same tutorial."""

# fmt: off
_TRAIN = fractions(
    9.19, 15.66, 19.86, 22.95, 25.40, 27.19, 28.74, 30.45, 31.63, 32.80,
    33.95, 34.61, 35.65, 36.56, 37.29, 38.09, 38.91, 39.87, 40.58, 41.01,
)
# fmt: on

_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="CIFAR-100, three convolutions and two linear layers, Adam: 41.0% in training published",
        config=TrainConfig(
            recipe=_NAME,
            epochs=20,
            data=DATA,
            model=ModelConfig(name="cnn3"),
            optimizer=OptimizerConfig(name="adam", lr=1e-3, weight_decay=1e-4),
            precision="float32",
        ),
        published=Published(
            summary="41.01% training accuracy after 20 epochs",
            curves=(Curve(metric="train_accuracy", epochs=tuple(range(1, 21)), values=_TRAIN),),
        ),
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0], pool_first=True), *_FAITHFUL[1:])
