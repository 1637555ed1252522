"""MNIST with two 5×5 convolutions, without and with the published ReLU on the logits."""

from __future__ import annotations

from core.config import DataConfig, ModelConfig, OptimizerConfig, TrainConfig
from core.events import Curve, Published
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "mnist-cnn"

_CURVES = (
    Curve(
        metric="train_accuracy",
        epochs=tuple(range(1, 11)),
        values=fractions(72.73, 87.62, 88.37, 97.76, 98.68, 98.75, 98.96, 99.09, 99.23, 99.26),
    ),
    Curve(metric="validation_top1", epochs=(10,), values=fractions(98.9)),
)


def _config(name: str, *, relu_logits: bool) -> TrainConfig:
    return TrainConfig(
        recipe=name,
        epochs=10,
        data=DataConfig(dataset="mnist", batch_size=100, drop_last=True, normalize=None),
        model=ModelConfig(name="mnist-cnn", args={"relu_logits": relu_logits}),
        optimizer=OptimizerConfig(name="sgd", lr=0.01, momentum=0.9, weight_decay=1e-4),
        precision="float32",
    )


_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="MNIST, two 5x5 convolutions, SGD: 98.9% published",
        config=_config(_NAME, relu_logits=False),
        published=Published(
            summary="98.9% test accuracy after 10 epochs, by the network with a ReLU on its logits", curves=_CURVES
        ),
        notes="The published network has a ReLU on its logits, which stalls its first epochs; this one has none.",
    ),
    Recipe(
        name=f"{_NAME}-original",
        title="The same with the published ReLU on the logits",
        config=_config(f"{_NAME}-original", relu_logits=True),
        published=Published(summary="98.9% test accuracy after 10 epochs", curves=_CURVES),
        notes="A class whose logit is negative gets no gradient: the first epochs stall, as published.",
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0], pool_first=True), *_FAITHFUL[1:])
