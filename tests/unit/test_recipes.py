"""Recipes: their settings field by field, their names, and which of them is the default."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import torch

from core import recipes
from core.config import (
    Affine,
    Augment,
    CheckpointConfig,
    ColorJitter,
    Constant,
    DataConfig,
    HorizontalFlip,
    ModelConfig,
    MultiStep,
    Normalize,
    OneCycle,
    OptimizerConfig,
    Plateau,
    RandomCrop,
    Rotation,
    TrainConfig,
)
from core.errors import UsageError
from core.models import MODELS
from core.recipes import RECIPES, Recipe, default_recipe, get_recipe

CROP_AND_FLIP: tuple[Augment, ...] = (RandomCrop(padding=4, mode="zeros"), HorizontalFlip(p=0.5))


def with_l2(lr: float, weight_decay: float) -> OptimizerConfig:
    return OptimizerConfig(name="adam", lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)


def cifar100(batch_size: int, mean: tuple[float, ...], std: tuple[float, ...], *augment: Augment) -> DataConfig:
    return DataConfig(
        dataset="cifar100", batch_size=batch_size, normalize=Normalize(mean=mean, std=std), augment=augment
    )


RESNET26_SGD = cifar100(256, (0.507, 0.487, 0.441), (0.267, 0.256, 0.276), *CROP_AND_FLIP)
ADAM_DATA = cifar100(
    100,
    (0.5071, 0.4867, 0.4408),
    (0.2675, 0.2565, 0.2761),
    HorizontalFlip(p=0.5),
    RandomCrop(padding=4, mode="mean"),
)
MNIST_DATA = DataConfig(dataset="mnist", batch_size=100, drop_last=True, normalize=None)
MNIST_SGD = OptimizerConfig(name="sgd", lr=0.01, momentum=0.9, weight_decay=1e-4)


def resnet26_adam(lr: float, l2: float, *, epochs: int = 40, stem_kernel: int = 3) -> dict[str, Any]:
    return {
        "epochs": epochs,
        "data": ADAM_DATA,
        "model": ModelConfig(name="resnet26-w16", args={"stem_kernel": stem_kernel}),
        "optimizer": with_l2(lr, l2),
        "schedule": MultiStep(epochs=(25,), factor=0.1),
        "checkpoint": CheckpointConfig(best="train_accuracy"),
    }


SETTINGS: dict[str, dict[str, Any]] = {
    "c10-lenet": {
        "epochs": 30,
        "data": DataConfig(
            dataset="cifar10",
            batch_size=100,
            drop_last=False,
            normalize=Normalize(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
            augment=(
                HorizontalFlip(p=0.5),
                Rotation(degrees=10),
                Affine(degrees=0, shear=10, scale=(0.8, 1.2)),
                ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
            ),
        ),
        "model": ModelConfig(name="lenet"),
        "optimizer": with_l2(1e-3, 0),
        "schedule": Constant(),
    },
    "c100super-resnet9": {
        "epochs": 8,
        "data": DataConfig(dataset="cifar100-coarse", batch_size=64, normalize="train", augment=CROP_AND_FLIP),
        "model": ModelConfig(name="resnet9"),
        "optimizer": OptimizerConfig(name="adam", lr=0.01, weight_decay=1e-4, clip_value=0.1, clip_norm=None),
        "schedule": OneCycle(rise=0.3, start_divisor=25, end_divisor=1e4, momentum=(0.85, 0.95)),
    },
    "c100-resnet26-sgd": {
        "epochs": 70,
        "data": RESNET26_SGD,
        "model": ModelConfig(name="resnet26-w32"),
        "optimizer": OptimizerConfig(name="sgd", lr=0.01, momentum=0.9, nesterov=False, weight_decay=1e-5),
        "schedule": Constant(),
    },
    "c100-resnet26-sgd-plateau": {
        "epochs": 70,
        "data": RESNET26_SGD,
        "model": ModelConfig(name="resnet26-w32"),
        "optimizer": OptimizerConfig(name="sgd", lr=0.1, momentum=0.9, nesterov=False, weight_decay=1e-5),
        "schedule": Plateau(factor=0.1, patience=5),
    },
    "mnist-cnn": {
        "epochs": 10,
        "data": MNIST_DATA,
        "model": ModelConfig(name="mnist-cnn", args={"relu_logits": False}),
        "optimizer": MNIST_SGD,
        "schedule": Constant(),
    },
    "mnist-cnn-original": {
        "epochs": 10,
        "data": MNIST_DATA,
        "model": ModelConfig(name="mnist-cnn", args={"relu_logits": True}),
        "optimizer": MNIST_SGD,
        "schedule": Constant(),
    },
    "c100-cnn": {
        "epochs": 20,
        "data": ADAM_DATA,
        "model": ModelConfig(name="cnn3"),
        "optimizer": with_l2(1e-3, 1e-4),
        "schedule": Constant(),
    },
    "c100-resnet26-adam": resnet26_adam(1e-3, 1e-4),
    "c100-resnet26-adam-l2": resnet26_adam(1e-3, 1e-2),
    "c100-resnet26-adam-lr": resnet26_adam(1e-2, 1e-4),
    "c100-resnet26-adam-stem5": resnet26_adam(1e-3, 1e-4, stem_kernel=5),
    "c100-resnet26-adam-stem5-published": resnet26_adam(1e-2, 1e-2, epochs=10, stem_kernel=5),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_published_recipe_has_the_published_settings(name: str) -> None:
    assert RECIPES[name].config == TrainConfig(recipe=name, precision="float32", **SETTINGS[name])


FAST = ["c10-lenet", "c100super-resnet9", "c100-resnet26-sgd", "mnist-cnn", "c100-cnn", "c100-resnet26-adam"]
OWN = ["c10-speedrun", "c10-95", "c10-96", "c100-speedrun", "c10-cpu", "c10-cpu-94", "c100-cpu", "c100super-fast"]


def test_the_recipes_are_the_published_ones_their_fast_variants_our_own_and_the_demo() -> None:
    assert set(RECIPES) == {*SETTINGS, *(f"{name}-fast" for name in FAST), *OWN, "shapes-small"}


@pytest.mark.parametrize("name", FAST)
def test_a_fast_variant_differs_in_nothing_that_makes_the_result(name: str) -> None:
    faithful, fast = RECIPES[name], RECIPES[f"{name}-fast"]
    args = {key: value for key, value in fast.config.model.args.items() if key != "pool_first"}
    config = msgspec.structs.replace(
        fast.config,
        recipe=name,
        precision="float32",
        model=msgspec.structs.replace(fast.config.model, args=args),
    )
    assert config == faithful.config
    assert fast.config.precision == "auto"
    assert fast.published == faithful.published


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_recipe_is_consistent(recipe: Recipe) -> None:
    assert RECIPES[recipe.name] is recipe
    assert recipe.config.recipe == recipe.name
    assert recipe.config.model.name in MODELS
    assert 0 < len(recipe.title) <= 90
    for curve in recipe.published.curves if recipe.published else ():
        assert len(curve.epochs) == len(curve.values) > 0
        assert list(curve.epochs) == sorted(set(curve.epochs))
        assert curve.epochs[-1] <= recipe.config.epochs
        if curve.metric in ("validation_top1", "validation_top5", "train_accuracy"):
            assert all(0 < value < 1 for value in curve.values)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_recipe_survives_json_and_plain_values(recipe: Recipe) -> None:
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe
    assert msgspec.convert(msgspec.to_builtins(recipe), Recipe) == recipe
    assert msgspec.convert(msgspec.to_builtins(recipe.config), TrainConfig) == recipe.config


def test_a_misspelt_recipe_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        get_recipe("c10-lennet")
    hint = 'Did you mean "c10-lenet"? `cifar-tui recipes` lists them.'
    assert str(caught.value) == f'There is no recipe "c10-lennet". {hint}'
    assert get_recipe("c10-lenet") is RECIPES["c10-lenet"]


@pytest.mark.parametrize(
    ("dataset", "recipe"),
    [
        ("cifar10", "c10-cpu"),
        ("cifar100", "c100-cpu"),
        ("cifar100-coarse", "c100super-fast"),
        ("mnist", "mnist-cnn-fast"),
        ("fashion-mnist", "mnist-cnn-fast"),
        ("shapes", "shapes-small"),
        ("folder:/data/pets", "c10-lenet"),
    ],
)
def test_every_data_set_has_a_default_recipe(dataset: str, recipe: str) -> None:
    assert default_recipe(dataset, "cpu") == recipe
    assert recipe in RECIPES
    assert default_recipe(dataset, "cuda:1") in RECIPES


@pytest.mark.parametrize(("there", "recipe"), [(True, "c10-speedrun"), (False, "c10-cpu")])
def test_the_default_follows_the_device_that_is_there(
    monkeypatch: pytest.MonkeyPatch, there: bool, recipe: str
) -> None:
    monkeypatch.setattr(recipes, "has_cuda_device", lambda: there)
    assert default_recipe("cifar10") == recipe
    assert default_recipe("cifar10", "cpu") == "c10-cpu"


def test_the_driver_is_asked_for_a_device_as_pytorch_asks_it() -> None:
    assert recipes.has_cuda_device() is torch.cuda.is_available()


def test_a_misspelt_data_set_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r'data set "cifar-10"\. Did you mean "cifar10"\? Known: cifar10, '):
        default_recipe("cifar-10")
