"""What a run will take here, from earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.runsummary import RunSummary
from tui.render import numbers


def estimate(recipe: str, epochs: int, earlier: Iterable[RunSummary], host: str) -> str:
    """A sentence: how long `epochs` of a recipe take on this machine, from the latest run of it that got anywhere."""
    known = [
        (one, one.epoch_seconds)
        for one in earlier
        if one.recipe == recipe and one.host == host and one.epoch_seconds is not None
    ]
    if not known:
        return "how long it takes here is not known: no run of this recipe has ended an epoch on this machine yet"
    latest, each = max(known, key=lambda pair: pair[0].created)
    accuracy = f", best {latest.best:.2%}" if latest.best is not None else ""
    return (
        f"about {numbers.duration(each * epochs)} here: {epochs} × {numbers.duration(each)} an epoch in "
        f"{latest.id} ({latest.device}{accuracy})"
    )
