"""The 20 superclasses of CIFAR-100 with ResNet-9 and a one-cycle schedule."""

from __future__ import annotations

from core.config import DataConfig, HorizontalFlip, ModelConfig, OneCycle, OptimizerConfig, RandomCrop, TrainConfig
from core.events import Curve, Published
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "c100super-resnet9"
_EPOCHS = tuple(range(1, 9))

_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="CIFAR-100's 20 superclasses, ResNet-9, Adam with one-cycle: 71.75% published",
        config=TrainConfig(
            recipe=_NAME,
            epochs=8,
            data=DataConfig(
                dataset="cifar100-coarse",
                batch_size=64,
                normalize="train",
                augment=(RandomCrop(padding=4), HorizontalFlip(p=0.5)),
            ),
            model=ModelConfig(name="resnet9"),
            optimizer=OptimizerConfig(name="adam", lr=0.01, weight_decay=1e-4, clip_value=0.1),
            schedule=OneCycle(rise=0.3),
            precision="float32",
        ),
        published=Published(
            summary="71.75% validation accuracy after 8 epochs, in 5 h 54 min 53 s on a CPU",
            curves=(
                Curve(
                    metric="last_lr",
                    epochs=_EPOCHS,
                    values=(0.00395, 0.00936, 0.00972, 0.00812, 0.00556, 0.00283, 0.00077, 0.00000),
                ),
                Curve(
                    metric="train_loss",
                    epochs=_EPOCHS,
                    values=(2.4573, 2.0291, 1.7109, 1.5905, 1.4769, 1.3077, 1.0841, 0.8953),
                ),
                Curve(
                    metric="validation_loss",
                    epochs=_EPOCHS,
                    values=(2.5939, 1.9433, 1.8736, 1.6120, 1.4013, 1.1090, 0.9400, 0.8766),
                ),
                Curve(
                    metric="validation_top1",
                    epochs=_EPOCHS,
                    values=fractions(26.71, 39.53, 44.15, 50.64, 55.31, 64.83, 69.50, 71.75),
                ),
            ),
            seconds=5 * 3600 + 54 * 60 + 53,
            device="CPU",
        ),
        notes="The published log counts epochs from 0; here they count from 1.",
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0], pool_first=True), *_FAITHFUL[1:])
