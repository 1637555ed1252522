"""What a recipe is."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from core.config import Scalar, TrainConfig
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


def fast(recipe: Recipe, **model_args: Scalar) -> Recipe:
    """The recipe's network, data, epochs and schedule, with whatever makes its steps faster and not its result worse:
    the precision that the device is fastest in, and `model_args` of the network."""
    config, name = recipe.config, f"{recipe.name}-fast"
    return replace(
        recipe,
        name=name,
        title="The same network and epochs at full speed",
        config=replace(
            config,
            recipe=name,
            precision="auto",
            model=replace(config.model, args=config.model.args | model_args),
        ),
        notes=f"{recipe.name} in the precision that the device is fastest in. {recipe.notes}".rstrip(),
    )


def fractions(*percents: float) -> tuple[float, ...]:
    """Percents as they are printed, as fractions; rounded, so that 49.42 gives .4942 and not .49420000000000003."""
    return tuple(round(percent / 100.0, 6) for percent in percents)
