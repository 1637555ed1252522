"""Recipes: their settings field by field, and the published figures digit by digit."""

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
from core.events import Curve
from core.models import MODELS
from core.recipes import RECIPES, Recipe, default_recipe, get_recipe

CROP_AND_FLIP: tuple[Augment, ...] = (RandomCrop(padding=4, mode="zeros"), HorizontalFlip(p=0.5))


def percents(text: str) -> tuple[float, ...]:
    return tuple(float(number) / 100 for number in text.split())


def curves(name: str) -> dict[str, Curve]:
    published = RECIPES[name].published
    assert published is not None
    by_metric: dict[str, Curve] = {curve.metric: curve for curve in published.curves}
    assert len(by_metric) == len(published.curves)
    return by_metric


def assert_curve(curve: Curve, epochs: list[int], values: tuple[float, ...]) -> None:
    assert list(curve.epochs) == epochs
    assert curve.values == pytest.approx(values, abs=1e-12)


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


def test_figures_of_c10_lenet() -> None:
    by_metric = curves("c10-lenet")
    assert by_metric.keys() == {"validation_top1", "train_accuracy"}
    validation = percents(
        "49.42 55.99 59.68 63.18 65.62 66.13 68.01 68.42 69.48 69.67 71.10 70.83 72.71 70.97 73.01 73.35 72.80 72.79 "
        "73.96 73.68 74.59 73.94 75.30 74.85 74.86 75.21 75.71 75.76 75.65 75.80"
    )
    assert_curve(by_metric["validation_top1"], list(range(1, 31)), validation)
    assert_curve(by_metric["train_accuracy"], [1, 10, 20, 30], percents("38.05 67.30 72.62 74.60"))
    published = RECIPES["c10-lenet"].published
    assert published is not None
    # Keys are the official names of the classes, in their official order.
    official = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert list(published.per_class) == official
    assert [*published.per_class.values()] == [0.777, 0.895, 0.655, 0.621, 0.659, 0.718, 0.765, 0.832, 0.84, 0.806]


def test_figures_of_c100super_resnet9() -> None:
    log = """
        .00395 2.4573 2.5939 26.71
        .00936 2.0291 1.9433 39.53
        .00972 1.7109 1.8736 44.15
        .00812 1.5905 1.6120 50.64
        .00556 1.4769 1.4013 55.31
        .00283 1.3077 1.1090 64.83
        .00077 1.0841 .9400 69.50
        .00000 .8953 .8766 71.75
    """
    rows = [[float(number) for number in line.split()] for line in log.strip().splitlines()]
    last_lr, train_loss, validation_loss, validation_percent = zip(*rows, strict=True)
    by_metric = curves("c100super-resnet9")
    assert by_metric.keys() == {"last_lr", "train_loss", "validation_loss", "validation_top1"}
    epochs = list(range(1, 9))
    assert_curve(by_metric["last_lr"], epochs, last_lr)
    assert_curve(by_metric["train_loss"], epochs, train_loss)
    assert_curve(by_metric["validation_loss"], epochs, validation_loss)
    assert_curve(by_metric["validation_top1"], epochs, tuple(percent / 100 for percent in validation_percent))
    assert msgspec.to_builtins(RECIPES["c100super-resnet9"].published)["seconds"] == 21_293  # 5 h 54 min 53 s


def test_figures_of_c100_resnet26_sgd() -> None:
    by_metric = curves("c100-resnet26-sgd")
    assert by_metric.keys() == {"validation_top1", "train_accuracy", "train_loss"}
    values = percents("14.85 32.88 45.35 51.76 55.15 59.18 59.33 61.49 60.91 62.55 62.70 61.97")
    assert_curve(by_metric["validation_top1"], [1, 5, 10, 15, 20, 30, 40, 50, 60, 64, 69, 70], values)
    assert_curve(by_metric["train_accuracy"], [70], (0.9516,))
    assert_curve(by_metric["train_loss"], [70], (0.168,))


@pytest.mark.parametrize("name", ["mnist-cnn", "mnist-cnn-original"])
def test_figures_of_mnist_cnn(name: str) -> None:
    by_metric = curves(name)
    assert by_metric.keys() == {"train_accuracy", "validation_top1"}
    values = percents("72.73 87.62 88.37 97.76 98.68 98.75 98.96 99.09 99.23 99.26")
    assert_curve(by_metric["train_accuracy"], list(range(1, 11)), values)
    assert_curve(by_metric["validation_top1"], [10], (0.989,))


def test_figures_of_c100_cnn() -> None:
    by_metric = curves("c100-cnn")
    assert by_metric.keys() == {"train_accuracy"}
    values = percents(
        "9.19 15.66 19.86 22.95 25.40 27.19 28.74 30.45 31.63 32.80 33.95 34.61 35.65 36.56 37.29 38.09 38.91 39.87 "
        "40.58 41.01"
    )
    assert_curve(by_metric["train_accuracy"], list(range(1, 21)), values)


@pytest.mark.parametrize(
    ("name", "train", "top5"),
    [
        ("c100-resnet26-adam", "9.33 52.26 68.28 74.91 82.27", "89.70"),
        ("c100-resnet26-adam-l2", "6.94 25.52 33.07 40.01 45.49", "78.59"),
        ("c100-resnet26-adam-lr", "4.58 25.36 33.16 38.64 44.27", "74.59"),
    ],
)
def test_figures_of_c100_resnet26_adam(name: str, train: str, top5: str) -> None:
    by_metric = curves(name)
    assert by_metric.keys() == {"train_accuracy", "validation_top5"}
    assert_curve(by_metric["train_accuracy"], [1, 10, 25, 26, 40], percents(train))
    assert_curve(by_metric["validation_top5"], [40], percents(top5))


def test_figures_of_the_published_wide_kernel() -> None:
    (curve,) = curves("c100-resnet26-adam-stem5-published").values()
    assert curve.metric == "train_accuracy"
    assert_curve(curve, [1, 10], percents("2.62 5.63"))


@pytest.mark.parametrize("name", ["c100-resnet26-adam-stem5", "c100-resnet26-sgd-plateau", "shapes-small"])
def test_what_was_not_published_has_no_figures(name: str) -> None:
    assert RECIPES[name].published is None


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
