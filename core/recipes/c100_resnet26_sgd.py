"""CIFAR-100 with a ResNet-26 of 32 to 256 channels and SGD, as published and with the practice its text gives."""

from __future__ import annotations

from core.config import (
    Constant,
    DataConfig,
    HorizontalFlip,
    ModelConfig,
    Normalize,
    OptimizerConfig,
    Plateau,
    RandomCrop,
    Schedule,
    TrainConfig,
)
from core.events import Curve, Published
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "c100-resnet26-sgd"


def _config(name: str, *, lr: float, schedule: Schedule) -> TrainConfig:
    return TrainConfig(
        recipe=name,
        epochs=70,
        data=DataConfig(
            dataset="cifar100",
            batch_size=256,
            normalize=Normalize(mean=(0.507, 0.487, 0.441), std=(0.267, 0.256, 0.276)),
            augment=(RandomCrop(padding=4), HorizontalFlip(p=0.5)),
        ),
        model=ModelConfig(name="resnet26-w32"),
        optimizer=OptimizerConfig(name="sgd", lr=lr, momentum=0.9, weight_decay=1e-5),
        schedule=schedule,
        precision="float32",
    )


_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="CIFAR-100, ResNet-26 of 32 to 256 channels, SGD: 62.7% published",
        config=_config(_NAME, lr=0.01, schedule=Constant()),
        published=Published(
            summary="62.70% test accuracy at epoch 69 of 70",
            curves=(
                Curve(
                    metric="validation_top1",
                    epochs=(1, 5, 10, 15, 20, 30, 40, 50, 60, 64, 69, 70),
                    values=fractions(
                        14.85, 32.88, 45.35, 51.76, 55.15, 59.18, 59.33, 61.49, 60.91, 62.55, 62.70, 61.97
                    ),
                ),
                Curve(metric="train_accuracy", epochs=(70,), values=fractions(95.16)),
                Curve(metric="train_loss", epochs=(70,), values=(0.168,)),
            ),
        ),
    ),
    Recipe(
        name=f"{_NAME}-plateau",
        title="The same with lr .1, divided by 10 when validation stops improving",
        config=_config(f"{_NAME}-plateau", lr=0.1, schedule=Plateau(factor=0.1, patience=5)),
        notes="The published text gives this practice but no figures for it; the patience is ours.",
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0]), *_FAITHFUL[1:])
