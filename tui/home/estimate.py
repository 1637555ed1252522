"""What a run will take here, from earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.runsummary import RunSummary
from tui.render import numbers


def estimate(recipe: str, epochs: int, batch_size: int | None, earlier: Iterable[RunSummary], host: str) -> str:
    """A sentence: how long `epochs` of a recipe take on this machine, from the latest run of it that got anywhere."""
    known = [one for one in earlier if one.recipe == recipe and one.host == host and one.epoch > 0 and one.seconds > 0]
    if not known:
        return "how long it takes here is not known: no run of this recipe has ended an epoch on this machine yet"
    latest = max(known, key=lambda one: one.created)
    seconds = latest.seconds / latest.epoch * epochs
    accuracy = f", best {latest.best:.2%}" if latest.best is not None else ""
    return (
        f"about {numbers.duration(seconds)} here: {epochs} × {numbers.duration(latest.seconds / latest.epoch)} an epoch "
        f"in {latest.id} ({latest.device}{accuracy})"
    )
