"""The run that a live one is raced against, in its plots."""

from __future__ import annotations

from typing import Literal

from core.state import RunState
from tui.ghost import PUBLISHED, Ghost, lead, published_ghost
from tui.render.plot import Series, Stroke
from tui.view import Timeline, View, XUnit


def race(state: RunState, view: View, metric: Literal["top1", "loss"]) -> list[Series]:
    """The curve of the run raced against; none where there is no race."""
    ghost = _ghost(state, view)
    if ghost is None or state.run is None:
        return []
    by_time = _by_time(ghost, view)
    x = ghost.x(state.run.steps_per_epoch, by_time=by_time)
    if view.x_unit is XUnit.TIME and not by_time:  # its times are not known: as if it had kept this run's pace
        x = Timeline(state, view.x_unit).at(x)
    return [Series(ghost.name, x, getattr(ghost, metric), "ghost", Stroke.DOTTED)]


def race_text(state: RunState, view: View) -> str:
    """How far ahead or behind the run is; empty without a race."""
    ghost = _ghost(state, view)
    return lead(state, ghost, by_time=_by_time(ghost, view)) if ghost is not None else ""


def _ghost(state: RunState, view: View) -> Ghost | None:
    ghost = view.ghost
    if ghost is not None and ghost.name == PUBLISHED:
        ghost = published_ghost(state.run.published if state.run else None)
    return ghost


def _by_time(ghost: Ghost, view: View) -> bool:
    return view.x_unit is XUnit.TIME and len(ghost.seconds) > 0
