"""A run's settings as steering has left them, for whoever shows or compares them; the log keeps what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.control import parse_factor
from core.errors import UsageError
from core.events import CommandHandled
from core.inherited import INHERITED, ROLLBACK
from core.state import RunState


def steered(config: Mapping[str, Any], state: RunState) -> dict[str, Any]:
    """`config` with the epochs as they are planned now, and with what its learning rate was multiplied by and when.

    Both are texts where steering has changed them, `12 since step 415 (30 at the start)` and `0.001 (×2 at step 415)`,
    so that runs that were steered otherwise differ. A fork has its factor from before its first step.
    """
    told = dict(config)
    asked, planned = config.get("epochs"), state.num_epochs
    # With max_steps the epochs planned are what these steps come to, and cannot be steered.
    if asked is not None and planned not in (0, asked) and config.get("max_steps") is None:
        since = [f" since step {command.step}" for command in state.steering if command.name == "epochs"]
        told["epochs"] = f"{planned}{''.join(since[-1:])} ({asked} at the start)"
    scalings = [_scaling(command) for command in state.steering if command.name == "lr"]
    optimizer = config.get("optimizer")
    if scalings and isinstance(optimizer, Mapping) and isinstance(lr := optimizer.get("lr"), int | float):
        told["optimizer"] = {**optimizer, "lr": f"{lr:g} ({', '.join(scalings)})"}
    return told


def _scaling(command: CommandHandled) -> str:
    try:
        factor = f"{parse_factor(command.argument):g}"
    except UsageError:  # no trainer takes such a one, but a log may come from anywhere
        factor = "?"
    when = "before" if command.command_id == INHERITED else "at"
    return f"×{factor} {when} step {command.step}{' by rollback' if command.command_id == ROLLBACK else ''}"
