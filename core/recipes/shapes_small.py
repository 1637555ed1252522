"""The embedded shapes with a small network: the demo, which needs no download."""

from __future__ import annotations

from core.config import DataConfig, HorizontalFlip, ModelConfig, OneCycle, OptimizerConfig, TrainConfig
from core.recipes.recipe import Recipe

_NAME = "shapes-small"

RECIPES = (
    Recipe(
        name=_NAME,
        title="Embedded shapes, four convolutions: learns in under a minute on two CPU cores",
        config=TrainConfig(
            recipe=_NAME,
            epochs=10,
            data=DataConfig(dataset="shapes", batch_size=64, augment=(HorizontalFlip(p=0.5),)),
            model=ModelConfig(name="shapes-small"),
            optimizer=OptimizerConfig(name="adamw", lr=1e-2, weight_decay=1e-2),
            schedule=OneCycle(rise=0.3),
            precision="float32",
        ),
    ),
)
