"""Recipes by name: every published system as data, and the demo. Imports no PyTorch."""

from __future__ import annotations

from core.errors import UsageError, nearest
from core.recipes import (
    c10_lenet,
    c100_cnn,
    c100_resnet26_adam,
    c100_resnet26_sgd,
    c100super_resnet9,
    mnist_cnn,
    shapes_small,
)
from core.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "default_recipe", "get_recipe"]

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
    )
    for recipe in family.RECIPES
}

_DEFAULTS = {
    "cifar10": "c10-lenet",
    "cifar100": "c100-resnet26-sgd",
    "cifar100-coarse": "c100super-resnet9",
    "mnist": "mnist-cnn",
    "fashion-mnist": "mnist-cnn",
    "shapes": "shapes-small",
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UsageError(f'There is no recipe "{name}".{nearest(name, RECIPES)}') from None


def default_recipe(dataset: str) -> str:
    """Name of the recipe for a data set when none is asked for; its data set may be another and must be replaced.

    Raises:
        UsageError: the data set is unknown.
    """
    if dataset.startswith("folder:"):
        return "c10-lenet"  # colour images of any size from 8×8, and light enough for any machine
    try:
        return _DEFAULTS[dataset]
    except KeyError:
        raise UsageError(f'There is no data set "{dataset}".{nearest(dataset, _DEFAULTS)}') from None
