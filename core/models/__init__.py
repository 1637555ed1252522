"""The networks, by name. This page imports no PyTorch; `build_model` imports the one file that it needs.

A network is a function `(*, num_classes, image_shape, **args) -> nn.Module` in a file of its own. Its layers keep the
published order and settings; where nothing else is said they start with PyTorch's default weights.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from core.errors import UsageError, nearest

if TYPE_CHECKING:
    from torch import nn


MODELS = ("lenet", "resnet9", "resnet26-w32", "resnet26-w16", "mnist-cnn", "cnn3", "speednet", "shapes-small")
"""Each is built by the function of that name, `_` for `-`, in the file of that name."""


def build_model(
    name: str, *, num_classes: int, image_shape: tuple[int, int, int], args: Mapping[str, object]
) -> nn.Module:
    """Build a network with fresh weights, on PyTorch's default device, in training mode.

    Args:
        name: one of `MODELS`.
        num_classes: logits per image.
        image_shape: channels, height and width of the images.
        args: keyword arguments of the network.

    Returns:
        A module from float images N×C×H×W to logits N×`num_classes`.

    Raises:
        UsageError: the name or an argument is unknown, an argument has a value that the network does not take, or the
            images are too small for it.
    """
    check_model_name(name)
    builder_name = name.replace("-", "_")
    module = importlib.import_module(f"core.models.{builder_name}")
    builder: Callable[..., nn.Module] = getattr(module, builder_name)
    return builder(num_classes=num_classes, image_shape=image_shape, **_checked(name, builder, args))


def check_model_name(name: str) -> None:
    """Refuse a name that no network has.

    Raises:
        UsageError: with the nearest name.
    """
    if name not in MODELS:
        raise UsageError(f'There is no model "{name}".{nearest(name, MODELS)} Known: {", ".join(MODELS)}')


def _checked(name: str, builder: Callable[..., nn.Module], args: Mapping[str, object]) -> dict[str, object]:
    known = inspect.signature(builder).parameters.keys() - {"num_classes", "image_shape"}
    hints = typing.get_type_hints(builder, include_extras=True)  # extras: bounds of numbers
    checked: dict[str, object] = {}
    for key, value in args.items():
        if key not in known:
            has = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise UsageError(f'Model {name} has no argument "{key}"; {has}.{nearest(key, known)}')
        try:
            checked[key] = msgspec.convert(value, hints[key])
        except msgspec.ValidationError as error:
            # An enumeration says only that the value is invalid; say what would be valid.
            choices = typing.get_args(hints[key]) if typing.get_origin(hints[key]) is typing.Literal else ()
            why = f"choose from {', '.join(map(str, choices))}" if choices else str(error)
            raise UsageError(f"Model {name} cannot have {key}={value}: {why}.") from error
    return checked
