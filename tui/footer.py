"""What the last line of a run's screen offers."""

from __future__ import annotations

from textual.binding import Binding

from core.state import RunState
from tui import bindings
from tui.bindings import key_name
from tui.widgets.keybar import Hint


def run_hints(state: RunState, own_keys: list[Binding], *, is_live: bool, frozen: bool, has_tabs: bool) -> list[Hint]:
    """The pane's own keys, steering, looking, leaving. The most needed ones stay where there is little room.

    Args:
        state: the run.
        own_keys: of the pane that is shown.
        is_live: whether there may be a trainer to steer.
        frozen: whether the view is.
        has_tabs: whether the panes and their digits are named elsewhere on the screen.
    """
    started = state.run is not None
    own = [Hint(key_name(key), key.description, key.action, rank=1) for key in own_keys if key.show]
    panes = [] if has_tabs else [Hint("1-7", "Panes", "show_pane(1)", rank=0)]
    rewind = Hint("(", "Rewind", "step_chunk(-1)", started, rank=3)
    help_ = Hint("?", "Help", "help", rank=0)
    if not is_live:
        return [*own, rewind, Hint("q", "Quit", "leave", rank=0), *panes, help_]
    steer = []
    for binding in bindings.STEERING:
        label = "Continue" if binding.action == "pause" and state.status == "paused" else binding.description
        rank = 4 if own else 2 if binding.action in ("evaluate", "change_epochs") else 1
        steer.append(Hint(key_name(binding), label, binding.action, started, rank))
    freeze = Hint("f", "Unfreeze" if frozen else "Freeze", "freeze", rank=3)
    leave = [Hint("d", "Detach", "detach", rank=1), Hint("q", "Quit…", "leave", rank=2)]
    return [*own, *steer, freeze, rewind, *leave, *panes, help_]
