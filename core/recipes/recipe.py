"""What a recipe is."""

from __future__ import annotations

import msgspec

from core.config import TrainConfig
from core.events import Published


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A run that can be started by name, and what its authors reported of it."""

    name: str
    title: str
    """One line for lists."""
    config: TrainConfig
    published: Published | None = None
    notes: str = ""
    """What a person should know who compares a run with the published figures."""


def fractions(*percents: float) -> tuple[float, ...]:
    """Percents as they are printed, as fractions; rounded, so that 49.42 gives .4942 and not .49420000000000003."""
    return tuple(round(percent / 100.0, 6) for percent in percents)
