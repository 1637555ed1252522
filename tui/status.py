"""The two lines above all panes: which run this is and how it fares, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core.data.catalog import short_name
from core.state import RunState
from core.state_values import Liveness
from tui.render import numbers
from tui.render.palettes import Look, Role
from tui.render.safe import safe
from tui.render.spark import progress
from tui.widgets.frame import text_strip

_BOLD = Style(bold=True)
_PHASES = {
    "starting": "STARTING",
    "loading_data": "LOADING DATA",
    "building": "BUILDING",
    "warming_up": "WARMING UP",
    "training": "TRAINING",
    "evaluating": "EVALUATING",
    "epoch_ended": "TRAINING",
}
_ENDS: dict[str, tuple[str, str, Role]] = {
    "finished": ("✓", "FINISHED", "good"),
    "stopped": ("■", "STOPPED", "warn"),
    "preempted": ("■", "PREEMPTED", "warn"),
    "diverged": ("✗", "DIVERGED", "bad"),
    "failed": ("✗", "FAILED", "bad"),
}
_ASCII = str.maketrans("●◌‖▲✓✗■†❄·…", "*o=!+x#x%..")


@dataclass(frozen=True)
class Situation:
    """What the run itself does not know: how alive it is, and what its viewer is about."""

    run_id: str
    recipe: str
    liveness: Liveness | Literal["died"]
    silence_seconds: float = 0.0
    """Since the last event."""
    frozen: bool = False
    reading: bool = False
    """A long log is still being read, so that all below is of the past."""
    pending: str = ""
    """Commands sent and not answered."""


def badge(state: RunState, situation: Situation) -> tuple[str, str, Role]:
    """How the run fares: a sign, a word and a role. The sign differs where the colour does."""
    if situation.reading:
        return "◌", "READING THE LOG", "warn"
    match situation.liveness:
        case "ended":
            return _ENDS[state.status]
        case "died":
            return "†", "DIED", "bad"
        case "silent":
            return "?", f"SILENT {numbers.clock(situation.silence_seconds)}", "bad"
        case "stalled":
            return "▲", "STALLED", "bad"
        case "paused":
            return "‖", "PAUSED", "warn"
        case "starting":
            return "◌", _PHASES.get(state.phase, "STARTING"), "warn"
        case "running":
            return "●", _PHASES.get(state.phase, "TRAINING"), "good"


def status_lines(state: RunState, situation: Situation, width: int, look: Look) -> list[Strip]:
    """Two lines of `width` cells."""
    return [_who(state, situation, width, look), _how_far(state, situation, width, look)]


def _who(state: RunState, situation: Situation, width: int, look: Look) -> Strip:
    sign, word, role = badge(state, situation)
    right = Text(no_wrap=True, end="")
    if situation.pending:
        right.append(f"… {safe(situation.pending)}   ", look.style("now"))
    if situation.frozen:
        right.append("❄ VIEW FROZEN   ", look.style("mark") + _BOLD)
    right.append(f"{sign} {word} ", look.style(role) + _BOLD)
    left = Text(" ", no_wrap=True, end="")
    left.append(safe(situation.recipe), look.style("text") + _BOLD)
    name = run_words(situation.run_id, situation.recipe)
    if name:
        left.append(f" · {safe(name)}", look.style("done"))
    middle = Text(no_wrap=True, end="")
    if state.run:
        device = state.run.device
        title = safe(device.title)
        place = device.name if title.lower().startswith(device.name) else f"{device.name} {title}"
        data = short_name(state.run.dataset)
        middle = Text(f"{data} · {place} · {device.precision}", look.style("muted"), no_wrap=True, end="")
        if left.cell_len + right.cell_len + middle.cell_len + 4 > width:
            middle = Text(f"{data} · {device.name} · {device.precision}", look.style("muted"))
    elif state.phase_detail:
        middle = Text(safe(state.phase_detail), look.style("muted"), no_wrap=True, end="")
    return _spread(left, middle, right, width, look)


def run_words(run_id: str, recipe: str) -> str:
    """The part of a run's id that a person says: brisk-otter of 20261121-074349-c10-lenet-brisk-otter."""
    _, found, words = run_id.partition(f"-{recipe}-")
    return words if found and words else run_id


def _how_far(state: RunState, situation: Situation, width: int, look: Look) -> Strip:
    muted, text = look.style("muted"), look.style("text")
    facts: list[Text] = []

    def fact(label: str, value: str, style: Style = text, after: str = "") -> None:
        piece = Text(no_wrap=True, end="")
        if label:
            piece.append(label + " ", muted)
        piece.append(value, style)
        if after:
            piece.append(after, muted)
        facts.append(piece)

    is_over = situation.liveness in ("ended", "died")
    if not state.num_steps:
        waiting = Text(f" the run {'was not' if is_over else 'is being'} set up", muted, no_wrap=True, end="")
        return _spread(waiting, Text(), Text(numbers.clock(state.seconds) + " ", muted), width, look)
    shown = min(state.epoch + 1, state.num_epochs) if state.ended is None else state.epoch
    head = Text(" ", no_wrap=True, end="")
    head.append("epoch ", muted).append(f"{shown}", text + _BOLD).append(f"/{state.num_epochs} ", muted)
    best = state.best
    if best:
        fact("best", numbers.percent(best.top1), look.style("best"), f" @ {best.epoch}")
    if is_over:
        fact("took", numbers.clock(state.training_seconds))
    else:
        fact("ETA", numbers.clock(state.eta_seconds))
    fact("", numbers.rate(state.mean_images_per_second if is_over else state.images_per_second))
    if len(state.batches):
        fact("loss", numbers.number(float(state.batches["loss"][-1])))
    fact("step", numbers.count(state.step), text, f"/{numbers.count(state.num_steps)}")
    least_bar = 8
    while facts and head.cell_len + least_bar + sum(piece.cell_len + 3 for piece in facts) > width:
        facts.pop()
    tail = Text(no_wrap=True, end="")
    for piece in reversed(facts):
        tail.append("   ").append_text(piece)
    bar_width = max(0, width - head.cell_len - tail.cell_len - 1)
    head.append_text(progress(state.step / state.num_steps, bar_width, look, role="done"))
    return _spread(head.append_text(tail), Text(), Text(" "), width, look)


def _spread(left: Text, middle: Text, right: Text, width: int, look: Look) -> Strip:
    """Left, right, and the middle centred between them, or left out where it does not fit."""
    room = width - right.cell_len
    line = left.copy()
    if line.cell_len > room:
        line.truncate(max(room, 0), overflow="crop" if look.ascii else "ellipsis")
    free = room - line.cell_len
    if middle.cell_len and middle.cell_len + 4 <= free:
        start = (free - middle.cell_len) // 2
        line.append(" " * start)
        line.append_text(middle)
        free -= start + middle.cell_len
    line.append(" " * free)
    line.append_text(right)
    if look.ascii:
        line.plain = line.plain.translate(_ASCII)
    return text_strip(line, width)
