"""CIFAR-100 with a ResNet-26 of 16 to 128 channels and Adam, and its three experiments."""

from __future__ import annotations

from core.config import CheckpointConfig, ModelConfig, MultiStep, OptimizerConfig, Scalar, TrainConfig
from core.events import Curve, Published
from core.recipes.c100_cnn import DATA
from core.recipes.recipe import Recipe, fast, fractions

_NAME = "c100-resnet26-adam"


def _config(name: str, *, lr: float, l2: float, epochs: int = 40, stem_kernel: int = 3) -> TrainConfig:
    args: dict[str, Scalar] = {"stem_kernel": stem_kernel}
    return TrainConfig(
        recipe=name,
        epochs=epochs,
        data=DATA,
        model=ModelConfig(name="resnet26-w16", args=args),
        optimizer=OptimizerConfig(name="adam", lr=lr, weight_decay=l2),
        schedule=MultiStep(epochs=(25,), factor=0.1),
        checkpoint=CheckpointConfig(best="train_accuracy"),
        precision="float32",
    )


def _published(train_percents: tuple[float, ...], top5_percent: float) -> Published:
    return Published(
        summary=f"{train_percents[-1]:.2f}% training accuracy after 40 epochs, {top5_percent:.2f}% top-5 in testing",
        curves=(
            Curve(metric="train_accuracy", epochs=(1, 10, 25, 26, 40), values=fractions(*train_percents)),
            Curve(metric="validation_top5", epochs=(40,), values=fractions(top5_percent)),
        ),
    )


_FAITHFUL = (
    Recipe(
        name=_NAME,
        title="CIFAR-100, ResNet-26 of 16 to 128 channels, Adam: 89.7% top-5 published",
        config=_config(_NAME, lr=1e-3, l2=1e-4),
        published=_published((9.33, 52.26, 68.28, 74.91, 82.27), 89.70),
    ),
    Recipe(
        name=f"{_NAME}-l2",
        title="The same with an L2 penalty of 1e-2",
        config=_config(f"{_NAME}-l2", lr=1e-3, l2=1e-2),
        published=_published((6.94, 25.52, 33.07, 40.01, 45.49), 78.59),
    ),
    Recipe(
        name=f"{_NAME}-lr",
        title="The same with a learning rate of 1e-2",
        config=_config(f"{_NAME}-lr", lr=1e-2, l2=1e-4),
        published=_published((4.58, 25.36, 33.16, 38.64, 44.27), 74.59),
    ),
    Recipe(
        name=f"{_NAME}-stem5",
        title="The same with a 5x5 first convolution: the experiment that was meant",
        config=_config(f"{_NAME}-stem5", lr=1e-3, l2=1e-4, stem_kernel=5),
        notes=(
            "The published experiment never trained the wide kernel. This is the baseline with the kernel alone "
            f"changed; compare it with {_NAME}."
        ),
    ),
    Recipe(
        name=f"{_NAME}-stem5-published",
        title="A 5x5 first convolution at the published lr 1e-2 and L2 1e-2: 5.6% in training published",
        config=_config(f"{_NAME}-stem5-published", lr=1e-2, l2=1e-2, epochs=10, stem_kernel=5),
        published=Published(
            summary="5.63% training accuracy after 10 epochs, by the plain 3x3 network",
            curves=(Curve(metric="train_accuracy", epochs=(1, 10), values=fractions(2.62, 5.63)),),
        ),
        notes=(
            "The published figures are those of the plain network: its training function rebuilt it whatever model it "
            "was given. Learning rate and L2 were to blame, not the kernel."
        ),
    ),
)

RECIPES = (_FAITHFUL[0], fast(_FAITHFUL[0]), *_FAITHFUL[1:])
