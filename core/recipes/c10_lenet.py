"""CIFAR-10 with a three-convolution LeNet."""

from __future__ import annotations

from core.config import (
    Affine,
    ColorJitter,
    DataConfig,
    HorizontalFlip,
    ModelConfig,
    Normalize,
    OptimizerConfig,
    Rotation,
    TrainConfig,
)
from core.events import Curve, Published
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "c10-lenet"

# fmt: off
_VALIDATION = fractions(
    49.42, 55.99, 59.68, 63.18, 65.62, 66.13, 68.01, 68.42, 69.48, 69.67,
    71.10, 70.83, 72.71, 70.97, 73.01, 73.35, 72.80, 72.79, 73.96, 73.68,
    74.59, 73.94, 75.30, 74.85, 74.86, 75.21, 75.71, 75.76, 75.65, 75.80,
)
# fmt: on

_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="CIFAR-10, LeNet with three convolutions, Adam: 75.8% published",
        config=TrainConfig(
            recipe=_NAME,
            epochs=30,
            data=DataConfig(
                dataset="cifar10",
                batch_size=100,
                normalize=Normalize(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
                augment=(
                    HorizontalFlip(p=0.5),
                    Rotation(degrees=10.0),
                    Affine(shear=10.0, scale=(0.8, 1.2)),
                    ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
                ),
            ),
            model=ModelConfig(name="lenet"),
            optimizer=OptimizerConfig(name="adam", lr=1e-3),
            precision="float32",
        ),
        published=Published(
            summary="75.80% validation accuracy after 30 epochs",
            curves=(
                Curve(metric="validation_top1", epochs=tuple(range(1, 31)), values=_VALIDATION),
                Curve(metric="train_accuracy", epochs=(1, 10, 20, 30), values=fractions(38.05, 67.30, 72.62, 74.60)),
            ),
            per_class={
                "airplane": 0.777,
                "automobile": 0.895,
                "bird": 0.655,
                "cat": 0.621,
                "deer": 0.659,
                "dog": 0.718,
                "frog": 0.765,
                "horse": 0.832,
                "ship": 0.840,
                "truck": 0.806,
            },
        ),
        notes=(
            "The published figures were taken with dropout still active while validating, and the published losses are "
            "100 times too small; here validation runs in evaluation mode, so accuracy comes out a little higher."
        ),
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0], pool_first=True), *_FAITHFUL[1:])
