"""`RunState`: what a run looks like after some of its events. The only place where events become numbers.

Live, attached, replayed and listed runs all are this fold, so that a replay shows what the live screen showed. Nothing
here reads a clock: times are those of the records, and `liveness` is told the present by its caller.
"""

from __future__ import annotations

from collections import deque
from pathlib import PurePosixPath
from typing import assert_never

import numpy as np

from core import events as ev
from core.inherited import inherited, of_rollback
from core.metrics import Counts, counts_of
from core.rate import RecentRate
from core.state_values import SILENT_AFTER_SECONDS, STALLED_AFTER_SECONDS, Best, Liveness, Span, Status, Timed, best_of
from core.steprows import step_columns


class RunState:
    """The fold of a run's events.

    `apply` takes records in order. Everything else is reading: plain attributes, and properties for what is derived.
    """

    def __init__(self) -> None:
        self.num_records = 0
        self.last: ev.Record | None = None
        self.run: ev.RunStarted | None = None
        self.status: Status = "starting"
        self.phase = "starting"
        self.phase_detail = ""
        self.attempt = 1
        self.step = 0
        """Steps done."""
        self.num_steps = self.num_epochs = 0
        self.plan: ev.LrPlan | None = None
        self.batches = step_columns()
        """One row a step."""
        self.epochs: list[ev.EpochEnded] = []
        self.epoch_seconds: list[float] = []
        """Training seconds up to the end of each epoch in `epochs`."""
        self.evaluations: list[ev.Evaluated] = []
        self.checkpoints: list[ev.CheckpointSaved] = []
        self.commands: dict[str, Timed] = {}
        """Latest word on each command, by its id, in the order they came."""
        self.steering: tuple[ev.CommandHandled, ...] = ()
        """The commands and rollbacks that the plan owes its present shape to, in the order they came."""
        self.steering_at: dict[str, tuple[ev.CommandHandled, ...]] = {}
        """`steering` as it was at each checkpoint, by its name."""
        self.pauses: list[Span] = []
        self.log: deque[Timed] = deque(maxlen=2000)
        """What a person reads: phases, epochs, evaluations, commands, pauses, checkpoints, notices, ends."""
        self.system: deque[Timed] = deque(maxlen=3600)
        self.ended: ev.RunEnded | None = None
        """How the run ended; an attempt that failed before it had begun changes nothing of that."""
        self.attempt_ended: ev.RunEnded | None = None
        """How its last attempt did; None while that goes on."""
        self.seconds = 0.0
        """The run's time at the last record."""
        self.training_seconds = 0.0
        self.data_seconds = 0.0
        """The part of `training_seconds` spent preparing batches; 0 where the trainer cannot tell."""
        self.num_images = self._from_epoch = 0
        self._ended_before: ev.RunEnded | None = None
        self._attempt_origin: tuple[int, float] | None = None
        self._recent = RecentRate()
        self._heartbeat: ev.Heartbeat | None = None
        self._last_row = (-1, 0.0)
        """Step and seconds of the last row of `batches`."""

    def fork(self) -> RunState:
        """A copy that goes its own way from here on; what both have seen is shared."""
        other = RunState.__new__(RunState)
        vars(other).update(vars(self))
        other.batches = self.batches.fork()
        for name in ("epochs", "epoch_seconds", "evaluations", "checkpoints", "commands", "pauses", "steering_at"):
            setattr(other, name, vars(self)[name].copy())
        other.log, other.system, other._recent = self.log.copy(), self.system.copy(), self._recent.copy()
        return other

    # -- the fold -----------------------------------------------------------------------------------------------------

    def apply(self, record: ev.Record) -> None:
        """Take the next record into account."""
        self._advance_time(record)
        self.num_records += 1
        self.last = record
        event = record.event
        match event:  # the commonest ones first
            case ev.Batches():
                self._add_batches(event)
                return
            case ev.SystemSampled():
                self.system.append(self._timed(record))
                return
            case ev.Heartbeat():
                self._heartbeat = event
                return
            case ev.RunStarted():
                self.run = event
                self._replan(event.plan, event.num_epochs, event.num_steps)
            case ev.PhaseChanged():
                self.phase, self.phase_detail = event.phase, event.detail
                if event.phase == "training" and self.status == "starting":
                    self.status = "running"
                if event.phase in ("training", "evaluating"):  # those come with every epoch
                    return
            case ev.EpochEnded():
                self._keep_epochs(event.epoch - 1)
                self.epochs.append(event)
                self.epoch_seconds.append(self.training_seconds)
                self.step, self.phase = event.step, "epoch_ended"  # until it trains again, a checkpoint is saved
            case ev.Evaluated():
                self.evaluations.append(event)
            case ev.CheckpointSaved():
                self.checkpoints.append(event)
                self.steering_at[PurePosixPath(event.path).name] = self.steering
            case ev.CommandHandled():
                self.commands[event.command_id] = self._timed(record)
                self._replan(event.plan, event.num_epochs, event.num_steps)
                if event.plan is not None:
                    self.steering += (event,)
            case ev.Paused():
                self.status = "paused"
                self.pauses.append(Span(self.seconds, None))
            case ev.Unpaused():
                self.status = "running"
                self._close_pause()
            case ev.Resumed():
                self._rewind(event)
                # A checkpoint holds the plan of its time; a rollback, other than this, keeps the latest.
                self.steering = self.steering_at.get(event.checkpoint, inherited(event))
            case ev.RolledBack():
                self._rewind(event)
                self._replan(event.plan, None, None)
                self.steering += (of_rollback(event),)
            case ev.PlanChanged():
                self._replan(event.plan, None, None)
            case ev.Notice():
                pass
            case ev.RunEnded():
                self.attempt_ended = event
                self.ended = (self._ended_before if event.status == "failed" else None) or event
                self._close_pause()
            case _:
                assert_never(event)
        if self.ended is not None:
            self.status = self.ended.status
        self.log.append(self._timed(record))

    def _advance_time(self, record: ev.Record) -> None:
        # Monotonic clocks of two attempts have nothing in common: each attempt starts where the last one ended.
        if self._attempt_origin is None or self._attempt_origin[0] != record.attempt:
            self._attempt_origin = (record.attempt, record.mono - self.seconds)
            self._begin_attempt(record.attempt)
        seconds = record.mono - self._attempt_origin[1]
        if seconds > self.seconds:
            self.seconds = seconds

    def _begin_attempt(self, attempt: int) -> None:
        self._ended_before, self.ended, self.attempt_ended = self.ended, None, None
        self.attempt, self.status = attempt, "starting"
        self._close_pause()
        self._recent, self._heartbeat = RecentRate(), None

    def _add_batches(self, event: ev.Batches) -> None:
        count = len(event.loss)
        if count == 0:
            return
        if event.first_step <= self._last_row[0]:
            self._keep_steps(event.first_step)
        # A chunk may come late, so that the next one would begin before it: time never runs backwards.
        earliest = self._last_row[1]
        self.batches.put_off(count, (event, self.seconds, earliest, self.training_seconds, self.num_images))
        # What the columns hold in their last row, as they will once the chunk is written.
        at = self.seconds - event.seconds * 0.0
        self._last_row = (event.first_step + count - 1, at if at >= earliest or at != at else earliest)
        self.step = event.first_step + count
        self.training_seconds += event.seconds
        self.data_seconds += event.data_seconds
        self.num_images += event.num_images
        self._recent.add(count, event.num_images, event.seconds)
        if self.status == "starting":
            self.status = "running"

    def _rewind(self, event: ev.Resumed | ev.RolledBack) -> None:
        self._keep_steps(event.from_step)
        # By number and not by step: a checkpoint of an epoch's last step may be older than the epoch's evaluation.
        self._keep_epochs(event.from_epoch)
        self.evaluations = [evaluation for evaluation in self.evaluations if evaluation.step <= event.from_step]
        self.checkpoints = [checkpoint for checkpoint in self.checkpoints if checkpoint.step <= event.from_step]
        self.step, self._from_epoch, self._ended_before = event.from_step, event.from_epoch, None

    def _keep_steps(self, before: int) -> None:
        """Drop steps from `before` on. Steps that come again call it too: the line that said `resumed` may be lost."""
        if not len(self.batches) or self._last_row[0] < before:
            return
        keep = int(np.searchsorted(self.batches["step"], before))
        self.batches.truncate(keep)
        self._last_row = (int(self.batches["step"][-1]), float(self.batches["seconds"][-1])) if keep else (-1, 0.0)
        dropped_from = self.training_seconds
        self.training_seconds = float(self.batches["elapsed"][-1]) if keep else 0.0
        # Told by the chunk and not by the step: the steps dropped take their share of it along.
        self.data_seconds *= self.training_seconds / dropped_from if dropped_from > 0 else 0.0
        self.num_images = round(self.batches["images"][-1]) if keep else 0

    def _keep_epochs(self, until: int) -> None:
        """Drop epochs after `until`."""
        while self.epochs and self.epochs[-1].epoch > until:  # not a new list: each epoch that ends asks for it
            self.epochs.pop()
            self.epoch_seconds.pop()

    def _replan(self, plan: ev.LrPlan | None, num_epochs: int | None, num_steps: int | None) -> None:
        self.plan = plan if plan is not None and plan.steps else self.plan
        self.num_epochs = num_epochs or self.num_epochs
        self.num_steps = num_steps or self.num_steps

    def _close_pause(self) -> None:
        if self.pauses and self.pauses[-1].end_seconds is None:
            self.pauses[-1] = Span(self.pauses[-1].start_seconds, self.seconds)

    def _timed(self, record: ev.Record) -> Timed:
        return Timed(self.seconds, record.event)

    # -- what is derived ----------------------------------------------------------------------------------------------

    @property
    def classes(self) -> list[str]:
        """Class names in label order; numbers where a damaged log has lost them, empty before any is known."""
        if self.run is not None:
            return self.run.classes
        return [str(index) for index in range(len(self.epochs[-1].validation.confusion))] if self.epochs else []

    @property
    def epoch(self) -> int:
        """Epochs completed; those before a fork count."""
        return self.epochs[-1].epoch if self.epochs else self._from_epoch

    @property
    def best(self) -> Best | None:
        """The epoch of the highest validation top-1, the earliest of equals; None before the first epoch ended."""
        return best_of(self.epochs)

    @property
    def confusion(self) -> Counts | None:
        """Confusion counts of the last epoch: rows actual, columns predicted."""
        return counts_of(self.epochs[-1].validation.confusion, len(self.classes)) if self.epochs else None

    def answer(self, command_id: str) -> ev.CommandHandled | None:
        """What the trainer finally said to a command; None while it has not."""
        timed = self.commands.get(command_id)
        event = timed.event if timed else None
        return event if isinstance(event, ev.CommandHandled) and event.status != "received" else None

    @property
    def images_per_second(self) -> float | None:
        """Training rate over the last seconds, pauses and evaluation left out."""
        return self._recent.images_per_second

    @property
    def mean_images_per_second(self) -> float | None:
        """Training rate over the whole run, pauses and evaluation left out."""
        return self.num_images / self.training_seconds if self.training_seconds > 0 else None

    @property
    def step_seconds(self) -> float | None:
        """Mean seconds of the last steps."""
        return self._recent.step_seconds

    @property
    def eta_seconds(self) -> float | None:
        """Seconds of training and evaluation still to come; None before the first steps."""
        if self.ended is not None or self.step_seconds is None:
            return None
        evaluation = self.epochs[-1].validation.seconds if self.epochs else 0.0
        return (self.num_steps - self.step) * self.step_seconds + (self.num_epochs - self.epoch) * evaluation

    def liveness(self, now_wall: float) -> Liveness:
        """Whether the run is alive, judged at `now_wall` seconds since the epoch."""
        if self.ended is not None:
            return "ended"
        if self.last is None:
            return "starting"
        silence = now_wall - self.last.wall
        if silence > SILENT_AFTER_SECONDS:
            return "silent"
        if self.status == "paused":
            return "paused"
        if self.status == "starting":
            return "starting"
        age = self._heartbeat.last_step_age_seconds if self._heartbeat else None
        usual = 10 * (self.step_seconds or 0.0)
        if self.phase == "training" and age is not None and age > max(STALLED_AFTER_SECONDS, usual):
            return "stalled"
        return "running"
