"""Between steps: do what commands and signals ask of a trainer, and answer with events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol

from core import control
from core import events as ev
from core.errors import DivergedError, ExitCode, UsageError
from core.runfolder import RunFolder
from core.signals import Signals

LOOK_SECONDS = 0.05
"""How often the control folder is looked at: a command waits no longer than this and a step."""

Ending = Literal["stopped", "preempted"]


class Steered(Protocol):
    """What steering asks of the trainer."""

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def num_steps(self) -> int:
        """Steps planned."""

    @property
    def num_epochs(self) -> int:
        """Epochs planned."""

    @property
    def is_over(self) -> bool:
        """Whether the run ends after this step."""

    def plan(self) -> ev.LrPlan:
        """The learning rate from here on."""

    def halt(self) -> None:
        """Stop the training clock and emit what was measured so far.

        Raises:
            DivergedError: the loss or the gradient is no longer finite.
        """

    def proceed(self) -> None:
        """Start the training clock again."""

    def save(self, reason: Literal["command", "signal", "stop"], *, keep: bool) -> str | None:
        """Save a checkpoint; its name, or None where it could not be written."""

    def evaluate_now(self) -> ev.Evaluation:
        """Evaluate in the middle of an epoch."""

    def scale_lr(self, factor: float) -> None:
        """Multiply every further learning rate."""

    def change_epochs(self, epochs: int) -> None:
        """Train for so many epochs in all.

        Raises:
            UsageError: so many are done already.
        """

    def finish(self, status: Ending, reason: str, exit_code: ExitCode) -> None:
        """End the run after this step."""


class Steering:
    """The commands and signals of one trainer."""

    def __init__(self, trainer: Steered, folder: RunFolder, emit: Callable[[ev.Event], None], signals: Signals) -> None:
        self._trainer, self._folder, self._emit, self._signals = trainer, folder, emit, signals
        self._paused = False
        self._next_look = 0.0

    def look(self) -> None:
        """Obey what has come since the last look; wait here while paused. Cheap enough for every step."""
        now = time.monotonic()
        if self._signals.request is None and now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        self._obey_all()
        if self._paused and not self._trainer.is_over:
            self._wait()

    def _wait(self) -> None:
        started = time.monotonic()
        self._trainer.halt()
        self._emit(ev.Paused(step=self._trainer.step))
        while self._paused and not self._trainer.is_over:
            time.sleep(LOOK_SECONDS)
            self._obey_all()
        self._emit(ev.Unpaused(step=self._trainer.step, seconds=round(time.monotonic() - started, 3)))
        self._trainer.proceed()

    def _obey_all(self) -> None:
        if self._signals.request is not None:
            self._obey_signal(self._signals.name, preempted=self._signals.request == "preempt")
            return
        for received in control.take(self._folder.control):
            if received.command is None:
                self._answer(received.id, "unknown", "", "", "refused", received.problem)
            else:
                self._obey(received.id, received.command)

    def _obey_signal(self, name: str, *, preempted: bool) -> None:
        self._trainer.halt()
        saved = self._trainer.save("signal", keep=False)
        reason = f"{name}, checkpoint {saved}" if saved else f"{name}, without a checkpoint"
        if preempted:
            self._trainer.finish("preempted", reason, ExitCode.PREEMPTED)
        else:
            self._trainer.finish("stopped", reason, ExitCode.DONE)

    def _obey(self, identifier: str, command: control.Command) -> None:
        words = (identifier, command.name, command.argument, command.sender)
        self._answer(*words, "received", "")
        before = (self._trainer.num_steps, self._trainer.num_epochs)
        try:
            message = self._do(command)
        except UsageError as error:
            self._answer(*words, "refused", str(error))
            return
        except DivergedError as error:  # on a GPU only this wait tells: who asked wants an answer
            self._answer(*words, "refused", str(error))
            raise
        replanned = command.name == "lr" or before != (self._trainer.num_steps, self._trainer.num_epochs)
        self._answer(*words, "done", message, replanned=replanned)

    def _do(self, command: control.Command) -> str:
        """Do it and say what it did; UsageError where it cannot be done now."""
        trainer = self._trainer
        if trainer.is_over:
            raise UsageError("the run has just been stopped")
        match command.name:
            case "pause":
                if self._paused:
                    raise UsageError("the training is paused already")
                self._paused = True
                return f"paused after step {trainer.step}"
            case "unpause":
                if not self._paused:
                    raise UsageError("the training is not paused")
                self._paused = False
                return "training goes on"
            case "checkpoint":
                return f"saved {self._saved('command', keep=True)}"
            case "evaluate":
                trainer.halt()
                validation = trainer.evaluate_now()
                self._proceed()
                return f"validation top-1 {validation.top1:.2%}, loss {validation.loss:.4f}"
            case "stop":
                saved = None if command.argument == "discard" else self._saved("stop", keep=False)
                trainer.halt()
                checkpoint = f", checkpoint {saved}" if saved else " without a checkpoint"
                trainer.finish("stopped", f"by command{checkpoint}", ExitCode.DONE)
                return f"stopped{checkpoint}"
            case "lr":
                factor = control.parse_factor(command.argument)
                trainer.scale_lr(factor)
                return f"learning rate ×{factor:g} from step {trainer.step} on"
            case "epochs":
                before, epochs = trainer.num_epochs, control.parse_epochs(command.argument)
                trainer.change_epochs(epochs)
                return f"{epochs} epochs instead of {before}"

    def _saved(self, reason: Literal["command", "stop"], *, keep: bool) -> str:
        self._trainer.halt()
        name = self._trainer.save(reason, keep=keep)
        self._proceed()
        if name is None:
            hint = "; `stop discard` ends without one" if reason == "stop" else ""
            raise UsageError(f"the checkpoint could not be written: see the log{hint}")
        return name

    def _proceed(self) -> None:
        if not self._paused:
            self._trainer.proceed()

    def _answer(
        self,
        identifier: str,
        name: str,
        argument: str,
        sender: str,
        status: Literal["received", "done", "refused"],
        message: str,
        *,
        replanned: bool = False,
    ) -> None:
        trainer = self._trainer
        self._emit(
            ev.CommandHandled(
                command_id=identifier,
                name=name,
                argument=argument,
                sender=sender,
                status=status,
                step=trainer.step,
                message=message,
                plan=trainer.plan() if replanned else None,
                num_epochs=trainer.num_epochs if replanned else None,
                num_steps=trainer.num_steps if replanned else None,
            )
        )
