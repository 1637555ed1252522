"""What a run will take here, from earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.runsummary import RunSummary
from tui.render import numbers


def estimate(recipe: str, epochs: int, earlier: Iterable[RunSummary], host: str) -> str:
    """A sentence: how long `epochs` of a recipe take on this machine, from the latest run of it that got anywhere."""
    known = [one for one in earlier if one.recipe == recipe and one.host == host and one.epoch > 0 < one.step]
    if not known:
        return "how long it takes here is not known: no run of this recipe has ended an epoch on this machine yet"
    latest = max(known, key=lambda one: one.created)
    each = latest.seconds / latest.step * latest.steps_per_epoch  # `--max-steps` may have cut its epochs short
    accuracy = f", best {latest.best:.2%}" if latest.best is not None else ""
    return (
        f"about {numbers.duration(each * epochs)} here: {epochs} × {numbers.duration(each)} an epoch in "
        f"{latest.id} ({latest.device}{accuracy})"
    )
