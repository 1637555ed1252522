"""A few steps of the published systems on the real data: they load, and they begin to learn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.config import TrainConfig
from core.data.catalog import DATASETS, data_dir
from core.events import RunStarted
from core.reader import read_all
from core.recipes import get_recipe
from core.runfolder import RunFolder
from tests.training import history, train

_DATA = data_dir(os.environ.get("CIFAR_TUI_DATA_DIR"))
_FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "mnist": "MNIST/raw"}
# recipe: steps, and the least validation accuracy after them, some way under what five seeds gave
_RUNS = {"c10-lenet": (150, 0.25), "c100-cnn": (60, 0.02), "mnist-cnn": (100, 0.6)}


@pytest.mark.real_data
@pytest.mark.parametrize("recipe", _RUNS)
def test_a_published_system_begins_to_learn(recipe: str, tmp_path: Path) -> None:
    config = get_recipe(recipe).config
    dataset = config.data.dataset
    folder = _DATA / _FOLDERS[dataset.removesuffix("-coarse")]
    if not folder.is_dir():
        pytest.skip(f"the official files of {dataset} are not in {_DATA}")
    steps, least = _RUNS[recipe]
    run = RunFolder(tmp_path / "run")
    train(run, _shortened(config, steps))
    started = next(record.event for record in read_all(run.events_file) if isinstance(record.event, RunStarted))
    known = DATASETS[dataset]
    assert started.classes == list(known.classes)
    assert (started.num_train_images, started.num_validation_images) == (known.num_train, known.num_test)
    happened = history(run)
    confusion = happened["epochs"][-1]["validation"]["confusion"]
    assert [sum(row) for row in confusion] == _images_of_each_class(dataset)
    assert happened["epochs"][-1]["validation"]["top1"] >= least
    assert len(happened["columns"]["loss"]) == steps


def _shortened(config: TrainConfig, steps: int) -> TrainConfig:
    tree: dict[str, Any] = msgspec.to_builtins(config)
    tree |= {"max_steps": steps, "seed": 0}
    tree["data"]["dir"] = str(_DATA)
    return msgspec.convert(tree, TrainConfig)


def _images_of_each_class(dataset: str) -> list[int]:
    """Of the official test sets."""
    if dataset == "mnist":
        return [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    return [DATASETS[dataset].num_test // len(DATASETS[dataset].classes)] * len(DATASETS[dataset].classes)
