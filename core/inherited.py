"""The steering that a fork brings with it from the run that it goes on from."""

from __future__ import annotations

from core import events as ev

INHERITED = ""
"""The id of a command that nobody gave this run."""


def inherited(resumed: ev.Resumed) -> tuple[ev.CommandHandled, ...]:
    """The steering that comes with another run's checkpoint: one command, as only its outcome is known here."""
    if resumed.lr_scale == 1.0:
        return ()
    told = f"learning rate ×{resumed.lr_scale:g} before step {resumed.from_step}, in the run it was forked from"
    return (
        ev.CommandHandled(
            command_id=INHERITED,
            name="lr",
            argument=str(resumed.lr_scale),
            status="done",
            step=resumed.from_step,
            message=told,
        ),
    )
