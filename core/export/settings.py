"""A run's settings as a person reads them: dotted keys and short values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flat_settings(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """`(dotted key, value)` of every setting; lists become one text, None becomes `none`."""
    return list(_flat(config, ""))


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
            rest = ", ".join(f"{key}={in_words(item)}" for key, item in value.items() if key != "type")
            return f"{name}({rest})" if name else rest or "none"
        case list() | tuple():
            return ", ".join(map(in_words, value)) or "none"
    return str(value)
