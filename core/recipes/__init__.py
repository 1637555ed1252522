"""Recipes by name: every published system as data, and the demo. Imports no PyTorch."""

from __future__ import annotations

import ctypes

from core.data.catalog import FOLDER_PREFIX, check_dataset_name
from core.errors import UsageError, nearest
from core.recipes import (
    c10_lenet,
    c100_cnn,
    c100_resnet26_adam,
    c100_resnet26_sgd,
    c100super_resnet9,
    mnist_cnn,
    shapes_small,
    speed,
)
from core.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "default_recipe", "get_recipe", "has_cuda_device"]

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for family in (
        c10_lenet,
        c100super_resnet9,
        c100_resnet26_sgd,
        mnist_cnn,
        c100_cnn,
        c100_resnet26_adam,
        shapes_small,
        speed,
    )
    for recipe in family.RECIPES
}

_DEFAULTS = {
    "cifar10": ("c10-cpu", "c10-speedrun"),
    "cifar100": ("c100-cpu", "c100-speedrun"),
    "cifar100-coarse": ("c100super-fast", "c100super-fast"),
    "mnist": ("mnist-cnn-fast", "mnist-cnn-fast"),
    "fashion-mnist": ("mnist-cnn-fast", "mnist-cnn-fast"),
    "shapes": ("shapes-small", "shapes-small"),
}
"""For a CPU, and for a GPU."""


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        hint = f"{nearest(name, RECIPES)} `cifar-tui recipes` lists them."
        raise UsageError(f'There is no recipe "{name}".{hint}') from None


def default_recipe(dataset: str, device: str = "auto") -> str:
    """Name of the recipe for a data set when none is asked for; its data set may be another and must be replaced.

    Args:
        dataset: a name, or folder:PATH.
        device: what the run is to be trained on; auto is a GPU where there is one.

    Raises:
        UsageError: the data set is unknown.
    """
    check_dataset_name(dataset)
    if dataset.startswith(FOLDER_PREFIX):
        return "c10-lenet"  # colour images of any size from 8×8, and light enough for any machine
    on_gpu = device.startswith("cuda") or (device == "auto" and has_cuda_device())
    return _DEFAULTS[dataset][on_gpu]


def has_cuda_device() -> bool:
    """Whether the CUDA driver sees a device. Loads no PyTorch: the driver itself is asked."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
