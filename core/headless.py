"""A run as lines of text: what a batch job's log shows, and the summary at the end."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

from core import events as ev
from core.codec import encode
from core.errors import ExitCode
from core.metrics import class_metrics, top_confusions
from core.runfolder import RunFolder
from core.state import RunState

PROGRESS_SECONDS = 30.0
"""In a log, at most one progress line in so long."""
_ERRORS = ("diverged", "failed")


class Report(Protocol):
    """Shows a run while it is trained."""

    def __call__(self, record: ev.Record) -> None:
        """Show a record that has just been emitted."""

    def catch_up(self, record: ev.Record) -> None:
        """Take a record of an earlier attempt into account without a word."""


class LineReport:
    """A report that writes plain lines: epochs and the summary to `out`, everything else to `talk`."""

    def __init__(
        self, folder: RunFolder, out: TextIO, talk: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.state = RunState()
        self._folder, self._out, self._talk, self._clock = folder, out, talk, clock
        self._next_progress = clock() + PROGRESS_SECONDS

    def catch_up(self, record: ev.Record) -> None:
        """Fold a record of an earlier attempt."""
        self.state.apply(record)

    def __call__(self, record: ev.Record) -> None:
        """Fold the record and write what a person should read of it."""
        self.state.apply(record)
        for line in describe_event(record.event):
            self._write(self._talk, line)
        match record.event:
            case ev.EpochEnded() as epoch:
                self._write(self._out, epoch_line(epoch, self.state))
                self._next_progress = self._clock() + PROGRESS_SECONDS
            case ev.Batches() if self._clock() >= self._next_progress:
                self._next_progress = self._clock() + PROGRESS_SECONDS
                self._write(self._talk, progress_line(self.state))
            case ev.RunEnded() as ended:
                how, *rest = summary_lines(self.state, self._folder.path)
                # An error is talk: it must be seen where only standard output is kept.
                self._write(self._talk if ended.status in _ERRORS else self._out, how)
                for line in rest:
                    self._write(self._out, line)

    @staticmethod
    def _write(stream: TextIO, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed pipe is no reason to stop training
            print(printable(line), file=stream, flush=True)


class JsonReport:
    """A report that writes the lines of events.jsonl to `out`, and an error also as a sentence to `talk`."""

    def __init__(self, out: TextIO, talk: TextIO) -> None:
        self._out, self._talk = out, talk

    def catch_up(self, record: ev.Record) -> None:
        """Earlier attempts have had their own output."""

    def __call__(self, record: ev.Record) -> None:
        """Write the record as the log holds it."""
        with contextlib.suppress(OSError, ValueError):
            self._out.write(encode(record).decode())
            self._out.flush()
        if isinstance(record.event, ev.RunEnded) and record.event.status in _ERRORS:
            with contextlib.suppress(OSError, ValueError):
                print(printable(f"{record.event.status}: {record.event.reason}"), file=self._talk, flush=True)


def describe_event(event: ev.Event) -> list[str]:
    """Lines for what happens now and then: start, commands, checkpoints asked for, notices. Empty for the steady
    stream."""
    match event:
        case ev.RunStarted():
            return [
                f"run {event.run_id}",
                f"{event.recipe}: {event.dataset}, {event.num_train_images:,} training and "
                f"{event.num_validation_images:,} validation images, {len(event.classes)} classes; "
                f"{event.num_parameters:,} parameters",
                f"{_count(event.num_epochs, 'epoch')}, {_count(event.num_steps, 'step')} of {event.batch_size} on "
                f"{event.device.title} "
                f"({event.device.name}: {event.device.reason}), {event.device.precision}",
            ]
        case ev.PhaseChanged(phase="loading_data" | "starting" | "building" | "warming_up"):
            return [f"{event.phase.replace('_', ' ')}{': ' if event.detail else ''}{event.detail}"]
        case ev.CommandHandled(status="done" | "refused"):
            return [f"{event.name} {event.argument}".strip() + f" {event.status}: {event.message}"]
        case ev.CheckpointSaved(reason="command" | "signal" | "stop"):
            return [f"checkpoint {event.path} ({event.num_bytes / 2**20:.1f} MiB)"]
        case ev.Paused():
            return [f"paused at step {event.step}"]
        case ev.Unpaused():
            return [f"goes on after {event.seconds:.1f} s"]
        case ev.Resumed():
            whence = f" ({event.checkpoint})" if event.checkpoint else ""  # none where none had been saved
            scaled = f", learning rate ×{event.lr_scale:g}" if event.lr_scale != 1.0 else ""
            return [f"attempt {event.attempt} goes on from step {event.from_step}{whence}{scaled}"]
        case ev.RolledBack():
            return [event.reason]
        case ev.PlanChanged():
            return [f"learning rate: {event.reason}"]
        case ev.Evaluated():
            return [f"evaluated at step {event.step}: {_scores(event.validation)}"]
        case ev.Notice():
            return [f"{event.level}: {event.text}"]
    return []


def epoch_line(epoch: ev.EpochEnded, state: RunState) -> str:
    """One epoch as a line of a table."""
    eta = "" if state.eta_seconds is None else f"  ETA {duration(state.eta_seconds)}"
    best = "  best" if state.best and state.best.epoch == epoch.epoch else ""
    return (
        f"epoch {epoch.epoch}/{state.num_epochs}  train loss {epoch.train_loss:.4f} acc {epoch.train_accuracy:.2%}  "
        f"{_scores(epoch.validation)}  lr {epoch.lr:.3g}  {epoch.images_per_second:,.0f} img/s{eta}{best}"
    )


def progress_line(state: RunState) -> str:
    """Where a long epoch is."""
    rate = f"{state.images_per_second:,.0f} img/s" if state.images_per_second else ""
    eta = f"ETA {duration(state.eta_seconds)}" if state.eta_seconds is not None else ""
    loss = f"loss {state.batches['loss'][-1]:.4f}" if len(state.batches) else ""
    return "  ".join(part for part in (f"step {state.step:,}/{state.num_steps:,}", loss, rate, eta) if part)


def summary_lines(state: RunState, run_path: Path) -> list[str]:
    """How its last attempt ended, the run's best and last accuracy, the hardest classes, the most confused pairs, and
    where it is."""
    ended = state.attempt_ended
    assert ended is not None
    lines = [f"{ended.status}: {ended.reason}"]
    if state.ended is not None and state.ended is not ended:
        lines.append(f"the run remains {state.ended.status}: {state.ended.reason}")
    if state.epochs and state.best:
        last = state.epochs[-1]
        lines.append(
            f"best validation top-1 {state.best.top1:.2%} (epoch {state.best.epoch}), last {_scores(last.validation)}"
        )
        lines += confusion_lines(state)
        published = state.run.published if state.run else None
        if published:
            lines.append(f"published: {published.summary}")
    if state.mean_images_per_second:
        lines.append(
            f"{state.training_seconds:.1f} s of training at {state.mean_images_per_second:,.0f} img/s, "
            f"{state.seconds:.1f} s in all"
        )
    if state.run is not None or ended.exit_code != ExitCode.USAGE:  # otherwise it has left none
        lines.append(f"run folder: {run_path}")
    return lines


def confusion_lines(state: RunState) -> list[str]:
    """The hardest classes and the most confused pairs of the last epoch."""
    confusion = state.confusion
    if confusion is None:
        return []
    names = state.classes
    recall = class_metrics(confusion).recall
    hardest = [index for index in recall.argsort() if not math.isnan(recall[index])][:3]
    told = ", ".join(f"{names[index]} {recall[index]:.1%}" for index in hardest)
    lines = [f"hardest classes: {told}"] if told else []
    pairs = top_confusions(confusion, 3)
    if pairs:
        lines.append(
            "most confused: "
            + ", ".join(f"{names[pair.actual]} taken for {names[pair.predicted]} {pair.share:.1%}" for pair in pairs)
        )
    return lines


def printable(line: str) -> str:
    """`line` without anything that moves a cursor, changes colours or turns the direction of text: classes, paths and
    commands come from outside."""
    if line.isprintable():
        return line
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


def duration(seconds: float) -> str:
    """0:42, 3:12, 1:02:03."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def accuracies(validation: ev.Evaluation) -> str:
    """78.62% (80.17% over views), top-5 96.96%."""
    views = "" if validation.top1_test_time is None else f" ({validation.top1_test_time:.2%} over views)"
    top5 = "" if validation.top5 is None else f", top-5 {validation.top5:.2%}"
    return f"{validation.top1:.2%}{views}{top5}"


def _scores(validation: ev.Evaluation) -> str:
    return f"validation loss {validation.loss:.4f} top-1 {accuracies(validation)}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' if number != 1 else ''}"
