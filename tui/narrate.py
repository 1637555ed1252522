"""What happened in a run, told in lines for the log and the summary."""

from __future__ import annotations

import math
from typing import assert_never

from core import events as ev
from core.headless import accuracies
from core.metrics import class_metrics, top_confusions
from core.runfolder import RunFolder, resume_line
from core.runsummary import GONE
from core.state import RunState
from core.state_values import Timed
from tui.render import numbers
from tui.render.palettes import Role

Line = tuple[str, Role, str]
"""A sign, the role that colours it, and the text."""

_LEVELS: dict[str, tuple[str, Role]] = {"info": ("i", "muted"), "warning": ("!", "warn"), "error": ("✗", "bad")}


def tell(timed: Timed) -> Line:
    """An entry of the run's log."""
    match timed.event:
        case ev.RunStarted() as run:
            return "▶", "good", f"started: {run.recipe} on {run.dataset}, {run.num_parameters:,} parameters"
        case ev.PhaseChanged() as phase:
            detail = f": {phase.detail}" if phase.detail else ""
            return "·", "muted", phase.phase.replace("_", " ") + detail
        case ev.EpochEnded() as epoch:
            return (
                "●",
                "validation",
                f"epoch {epoch.epoch}: top-1 {epoch.validation.top1:.2%}, loss {epoch.validation.loss:.4f}, "
                f"train {epoch.train_accuracy:.2%}",
            )
        case ev.Evaluated() as result:
            scores = f"top-1 {result.validation.top1:.2%}, loss {result.validation.loss:.4f}"
            return "●", "validation", f"evaluated at step {result.step:,}: {scores}"
        case ev.CheckpointSaved() as saved:
            best = " (best)" if saved.is_best else ""
            return "◆", "done", f"checkpoint at step {saved.step:,}{best}, {numbers.size(saved.num_bytes)}"
        case ev.CommandHandled() as command:
            return _tell_command(command)
        case ev.Paused() as paused:
            return "‖", "warn", f"paused at step {paused.step:,}"
        case ev.Unpaused() as unpaused:
            return "▶", "good", f"training goes on after {numbers.duration(unpaused.seconds)}"
        case ev.Resumed() as resumed:
            scaled = f", learning rate ×{resumed.lr_scale:g}" if resumed.lr_scale != 1.0 else ""
            return "▶", "good", f"attempt {resumed.attempt} goes on from step {resumed.from_step:,}{scaled}"
        case ev.RolledBack() as back:
            return "!", "warn", back.reason
        case ev.PlanChanged() as changed:
            return "L", "mark", f"learning rate: {changed.reason}"
        case ev.Notice() as notice:
            sign, role = _LEVELS[notice.level]
            return sign, role, notice.text
        case ev.RunEnded() as ended:
            good = ended.status in ("finished", "stopped", "preempted")
            return "■", "good" if good else "bad", f"{ended.status}: {ended.reason}" if ended.reason else ended.status
        case ev.Batches() | ev.Heartbeat() | ev.SystemSampled() as frequent:  # no log holds them
            return "·", "muted", type(frequent).__name__
        case other:
            assert_never(other)


def worth_telling(state: RunState) -> list[Timed]:
    """The log without what an answer has made superfluous: that a command was received."""
    kept = []
    for timed in state.log:
        event = timed.event
        if isinstance(event, ev.CommandHandled) and event.status == "received" and state.answer(event.command_id):
            continue
        kept.append(timed)
    return kept


def _tell_command(command: ev.CommandHandled) -> Line:
    what = f"{command.name} {command.argument}".strip()
    sender = f" ({command.sender})" if command.sender else ""
    match command.status:
        case "received":
            return "…", "muted", f"{what} asked for{sender}"
        case "done":
            return "✓", "mark", f"{what}: {command.message}"
        case "refused":
            return "✗", "warn", f"{what} refused: {command.message}"


def summary(state: RunState) -> list[tuple[str, str, Role]]:
    """How a run ended, or died: label, text and role of each line."""
    end = state.ended
    status, reason = (end.status, end.reason or "all epochs done") if end else ("died", GONE)
    if state.attempt_ended not in (end, None):
        reason += f"; going on with it has failed: {state.attempt_ended.reason}"
    role: Role = "good" if status == "finished" else "warn" if status in ("stopped", "preempted") else "bad"
    lines: list[tuple[str, str, Role]] = [(status, reason, role)]
    if state.best and state.epochs:
        last = state.epochs[-1].validation
        lines.append(("best", f"{state.best.top1:.2%} at epoch {state.best.epoch}", "best"))
        lines.append(("last", f"{accuracies(last)}, loss {last.loss:.4f}", "text"))
    published = state.run.published if state.run else None
    if published:
        lines.append(("published", published.summary, "muted"))
    if state.confusion is not None:
        recall, names = class_metrics(state.confusion).recall, state.classes
        hardest = [index for index in recall.argsort() if not math.isnan(recall[index])][:3]
        if hardest:
            lines.append(("hardest", ", ".join(f"{names[index]} {recall[index]:.0%}" for index in hardest), "text"))
        pairs = top_confusions(state.confusion, 2)
        if pairs:
            told = (f"{names[pair.actual]} → {names[pair.predicted]} {numbers.share(pair.share)}" for pair in pairs)
            lines.append(("confused", ", ".join(told), "text"))
    if state.mean_images_per_second:
        took = f"{numbers.duration(state.training_seconds)} at {numbers.rate(state.mean_images_per_second)}"
        lines.append(("training", took, "text"))
    saved = list(state.checkpoints)
    if saved:
        last_step = f"at step {saved[-1].step:,}"
        count = f"{len(saved)} checkpoints, the last" if len(saved) > 1 else "1 checkpoint,"
        lines.append(("saved", f"{count} {last_step}", "text"))
    return lines


def way_on(state: RunState, folder: RunFolder) -> str:
    """The command that goes on with a run that is over; empty where all its epochs are done."""
    if state.ended is not None and state.ended.status == "finished":
        return ""
    return resume_line(folder)
