"""A run's settings as a person reads them: dotted keys and short values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_READ_BY = {
    "momentum": ("sgd", "muon"),
    "nesterov": ("sgd",),
    "betas": ("adam", "adamw"),
    "eps": ("adam", "adamw"),
    "linear_lr": ("muon",),
    "bias_lr": ("muon",),
    "sgd_momentum": ("muon",),
}
"""Settings that some optimisers read."""


def in_use(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that have a say: without those of other optimisers, and the part of small images where none are."""
    told = dict(config)
    match config:
        case {"optimizer": {"name": name, **optimizer}}:
            read = {key: value for key, value in optimizer.items() if key not in _READ_BY or name in _READ_BY[key]}
            told["optimizer"] = {"name": name, **read}
    match config:
        case {"data": {"low_size": None, **data}}:
            told["data"] = {key: value for key, value in data.items() if key != "low_part"}
    return told


def flat_settings(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """`(dotted key, value)` of every setting in use; lists become one text, None becomes `none`."""
    return list(_flat(in_use(config), ""))


def _flat(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, bool | int | float) else in_words(value)


def in_words(value: Any) -> str:
    """A value on one line: `horizontal_flip(p=0.5), rotation(degrees=10)`."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case dict():
            name = str(value.get("type", ""))
            items = ((key, item) for key, item in value.items() if key != "type" and not is_nothing(item))
            rest = ", ".join(f"{key}={as_part(item)}" for key, item in items)
            return f"{name}({rest})" if rest and name else name or rest or "none"
        case list() | tuple():
            return ", ".join(map(in_words, value)) or "none"
    return str(value)


def as_part(value: Any) -> str:
    """A value among others on a line: `[0.9, 0.999]`."""
    return f"[{in_words(value)}]" if isinstance(value, list | tuple) else in_words(value)


def is_nothing(value: Any) -> bool:
    """Whether a setting goes without saying: it is off, empty or a factor of 0. Seed 0 is a seed."""
    return value is None or value is False or value in ([], (), {}) or (isinstance(value, float) and value == 0)
