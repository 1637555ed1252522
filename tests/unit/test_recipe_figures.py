"""The published figures of the recipes, digit by digit."""

from __future__ import annotations

import msgspec
import pytest

from core.events import Curve
from core.recipes import RECIPES


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
