"""The steering that no command to this run stands for: what a fork brings with it, and what rollbacks do."""

from __future__ import annotations

from core import events as ev

INHERITED = ""
"""The id of a command that was given to the run that a fork goes on from."""
ROLLBACK = "rollback"
"""The id of the command that a rollback stands for."""
ROLLBACK_FACTOR = 0.5
"""By which a rollback multiplies the learning rate."""


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


def of_rollback(event: ev.RolledBack) -> ev.CommandHandled:
    """A rollback as the command that would do to the learning rate what it does."""
    return ev.CommandHandled(
        command_id=ROLLBACK,
        name="lr",
        argument=str(ROLLBACK_FACTOR),
        status="done",
        step=event.from_step,
        message=f"learning rate ×{ROLLBACK_FACTOR:g} from step {event.from_step} on, after it had diverged",
    )
