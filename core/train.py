"""The training loop. It knows events and commands, and no recipe, screen or file format.

Whatever is random is a function of (seed, epoch, step): the order of the images, their augmentation, dropout. The
learning rate is a function of the step. So the position in the data, the state of a random generator or of a scheduler
never has to be saved, and a run that goes on from a checkpoint goes on exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor

from core import events as ev
from core.control import check_epochs
from core.data.randomness import stream_seed
from core.device import seed_device
from core.errors import DivergedError, ExitCode, StorageError, UsageError
from core.inherited import ROLLBACK_FACTOR
from core.meter import Meter, Totals
from core.optim.factory import set_hyperparameters
from core.plan import Plan
from core.progress import Progress, capture, restore, result_of
from core.pulse import Pulse
from core.runfolder import RunFolder
from core.saver import Reason, Saver
from core.setup import Setup
from core.signals import Signals
from core.steering import Steering
from core.step import Step, Stepper
from core.validation import EvaluationInterruptedError, Validator
from core.warmup import warm_up


class Trainer:
    """One attempt at a run.

    Args:
        setup: data, network and optimiser.
        folder: where predictions and checkpoints go and commands come from.
        emit: takes each event.
        signals: what signals ask for.
        pulse: told of each step, for its heartbeats.
    """

    def __init__(
        self, setup: Setup, folder: RunFolder, emit: Callable[[ev.Event], None], signals: Signals, pulse: Pulse
    ) -> None:
        self.setup, self.folder, self.emit, self.pulse = setup, folder, emit, pulse
        self.config = setup.config
        self.progress = Progress(num_epochs=self.config.epochs)
        self.meter = Meter(setup.device)
        self.saver = Saver(folder, self.config.checkpoint, emit)
        self.steps_per_epoch = setup.train_data.steps_per_epoch
        self._plan = Plan(self.config, self.steps_per_epoch, self.progress)
        self.parameters = [parameter for parameter in setup.model.parameters() if parameter.requires_grad]
        self.end: ev.RunEnded | None = None
        """Set by whatever ends the run."""
        self._result: dict[str, float] = {}  # of the last epoch
        self.validator = Validator(setup, folder, emit, signals)
        self._plain_step = Step(setup)
        self._stepper: Stepper = self._plain_step
        self._steering = Steering(self, folder, emit, signals)
        self._started = time.monotonic()

    def restore(self, state: dict[str, Any], *, epochs_asked: bool = False, lr_asked: bool = False) -> None:
        """Go on from the `state` of a checkpoint, as `core.progress.restore` does."""
        self.progress = restore(state, self.setup, epochs_asked=epochs_asked, lr_asked=lr_asked)
        self._plan = Plan(self.config, self.steps_per_epoch, self.progress)
        self.meter.totals = self.progress.totals
        if self.step > 0:  # the optimiser as the last step left it: an epoch's end may be the next to come
            self._set_learning_rate(self.step - 1)

    def warm_up(self) -> None:
        """Find the fastest way to run steps; see `core.warmup`. Leaves no trace in the run."""
        self.emit(ev.PhaseChanged(phase="warming_up"))
        self.setup.model.train()
        self._stepper = warm_up(self._plain_step, self.setup, self.num_steps - self.step, self.emit)

    def run(self) -> ev.RunEnded:
        """Train until the planned steps are done, or somebody ends it.

        Raises:
            DivergedError, StorageError: no longer finite, and no rollback is left; the last weights cannot be saved.
        """
        self.emit(ev.PhaseChanged(phase="training"))
        self.setup.model.train()
        while self.end is None:
            try:
                self._train()
            except DivergedError as error:
                self._roll_back(error)
        return self.end

    def _train(self) -> None:
        """The method, from the present step to the end."""
        progress, data = self.progress, self.setup.train_data
        self.proceed()
        # A run that was interrupted after its very last step still owes the end of its epoch.
        while self.end is None and (progress.step < self.num_steps or progress.batch > 0):
            epoch = progress.epoch + 1  # told from 1
            while self.end is None and progress.batch < self.steps_per_epoch and progress.step < self.num_steps:
                with self.meter.preparing():
                    inputs, labels = data.batch(epoch, progress.batch, self._plan.image_size(progress.step))
                self._take_step(inputs, labels, self._set_learning_rate(progress.step))
                progress.step += 1
                progress.batch += 1
                self.pulse.step, self.pulse.last_step = progress.step, time.monotonic()
                self._emit_batches(self.meter.take(epoch))
                self._steering.look()
            if self.end is None:
                self._end_epoch(epoch)
            if progress.batch > 0:
                break  # max_steps or a signal came within the epoch
        if self.end is None:
            if not self.saver.has_saved(self.step, progress.epoch) and not self.save("end"):  # the last epoch's end has
                raise StorageError("all epochs are done, and the last weights could not be saved: make room and resume")
            self.finish("finished", "all epochs are done", ExitCode.DONE)

    def _roll_back(self, error: DivergedError) -> None:
        """Go back to the last checkpoint with half the learning rate, if that is wanted and still allowed."""
        allowed = int(self.config.on_nan.partition(":")[2] or 0)
        start = self.saver.load_last() if self.progress.num_rollbacks < allowed else None
        if start is None:
            raise error
        num_rollbacks, num_epochs = self.progress.num_rollbacks + 1, self.progress.num_epochs
        scale = self.progress.lr_scale * ROLLBACK_FACTOR
        self.meter.discard()
        self.restore(start)
        self.progress.num_rollbacks, self.progress.num_epochs, self.progress.lr_scale = num_rollbacks, num_epochs, scale
        text = f"{error}: back to step {self.step} with the learning rate ×{scale:g} ({num_rollbacks} of {allowed})"
        self.emit(ev.RolledBack(from_step=self.step, from_epoch=self.progress.epoch, reason=text, plan=self.plan()))

    def _take_step(self, inputs: Tensor, labels: Tensor, lr: float) -> None:
        setup, step = self.setup, self.progress.step
        setup.enter_phase(step / self.num_steps)  # a network's parameters need not all learn to the end
        # Dropout draws from the device's global generator.
        seed_device(setup.device, stream_seed(self.config.seed, "step", step))
        if setup.device.type == "cpu":
            # Here looking costs nothing, and the weights stay as they were before a step that is no good. On a GPU it
            # would wait for the step, so there the meter's rows tell.
            measures = self._plain_step.gradients(inputs, labels)
            self.meter.record(step, measures, lr=lr, num_images=len(labels))
            if not all(map(math.isfinite, measures.tolist())):
                self.halt()  # emits the step, which raises, and the log shows what went wrong
            self._plain_step.update()
        else:
            self.meter.record(step, self._stepper(inputs, labels), lr=lr, num_images=len(labels))

    def _set_learning_rate(self, step: int) -> float:
        lr = self._plan.learning_rate(step)
        set_hyperparameters(self.setup.optimizer, lr=lr, momentum=self._plan.momentum(step))
        return lr

    def _end_epoch(self, epoch: int) -> None:
        progress = self.progress
        self.halt()
        totals = self.meter.totals
        try:
            is_last = progress.step >= self.num_steps
            validation = self.validator.validate(f"epoch-{epoch:03d}", self.config.test_time if is_last else "none")
        except EvaluationInterruptedError:
            self._steering.look()  # ends the run; the end of this epoch is still owed, and who resumes pays it
            return
        train_accuracy = totals.correct / totals.images
        # An epoch that max_steps has cut short is evaluated, but more steps would go on with it.
        if progress.batch == self.steps_per_epoch:
            progress.epoch, progress.batch, self.meter.totals = epoch, 0, Totals()
        self.emit(
            ev.EpochEnded(
                epoch=epoch,
                step=progress.step,
                train_loss=round(totals.loss / totals.images, 6),
                train_accuracy=train_accuracy,
                validation=validation,
                lr=float(f"{self.setup.optimizer.param_groups[0]['lr']:.6g}"),
                seconds=round(totals.seconds, 4),
                images_per_second=round(totals.images / totals.seconds, 1) if totals.seconds > 0 else 0.0,
            )
        )
        if reason := self._plan.follow_validation(validation.loss):
            self.emit(ev.PlanChanged(step=self.step, reason=reason, plan=self.plan()))
        metric, every = self.config.checkpoint.best, self.config.checkpoint.every_epochs
        result = result_of(metric, validation, train_accuracy)
        self._result = {metric: result} if math.isfinite(result) else {}
        is_best = progress.take_result(metric, result)
        if is_best or (every and epoch % every == 0):
            self.save("epoch", is_best=is_best)
        self.emit(ev.PhaseChanged(phase="training"))
        self.proceed()

    def _emit_batches(self, chunks: list[ev.Batches]) -> None:
        for chunk in chunks:
            self.emit(chunk)
            for offset, (loss, norm) in enumerate(zip(chunk.loss, chunk.gradient_norm, strict=True)):
                if not math.isfinite(loss + norm):
                    self._diverged(chunk.first_step + offset, loss, norm)

    def _diverged(self, step: int, loss: float, norm: float) -> None:
        what = f"the gradient norm became {norm:g}" if math.isfinite(loss) else f"the loss became {loss:g}"
        last = self.saver.last_name()
        good = f"the last good checkpoint is {last}" if last else "there is no checkpoint yet"
        raise DivergedError(f"{what} at step {step}; {good}; a lower --lr may help")

    def state(self) -> dict[str, Any]:
        """Tensors and plain values that decide every further step."""
        self.progress.totals = self.meter.totals
        return capture(self.progress, self.setup)

    # -- what steering asks for ---------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps done."""
        return self.progress.step

    @property
    def num_epochs(self) -> int:
        """Epochs planned."""
        return self._plan.num_epochs

    @property
    def num_steps(self) -> int:
        """Steps planned."""
        return self._plan.num_steps

    @property
    def is_over(self) -> bool:
        """Whether something has ended the run."""
        return self.end is not None

    def plan(self) -> ev.LrPlan:
        """The learning rate from here to the end, as planned now."""
        return self._plan.lr_plan()

    def halt(self) -> None:
        """Stop the training clock and emit what was measured so far."""
        self._emit_batches(self.meter.flush(self.progress.epoch + 1))

    def proceed(self) -> None:
        """Start the training clock."""
        self.pulse.last_step = time.monotonic()
        self.meter.start()

    def save(self, reason: Reason, *, keep: bool = False, is_best: bool = False) -> str | None:
        """Save a checkpoint; its name, or None where it could not be written or the weights are not finite."""
        if not all(bool(parameter.isfinite().all()) for parameter in self.parameters):
            if reason == "end":  # no step comes that would show it
                raise DivergedError("the weights are not finite after the last step; a lower --lr may help")
            self.emit(ev.Notice(level="error", text=f"no checkpoint at step {self.step}: the weights are not finite"))
            return None
        return self.saver.save(
            self.state(),
            step=self.step,
            epoch=self.progress.epoch,
            reason=reason,
            keep=keep,
            is_best=is_best,
            metrics=self._result if reason in ("epoch", "end") else {},
        )

    def evaluate_now(self) -> ev.Evaluation:
        """Evaluate in the middle of an epoch.

        Raises:
            UsageError: a signal has come meanwhile, and the run is about to end.
        """
        try:
            validation = self.validator.validate(f"step-{self.step:08d}")
        except EvaluationInterruptedError:
            raise UsageError("a signal came first") from None
        self.emit(ev.Evaluated(epoch=self.progress.epoch + 1, step=self.step, validation=validation))
        self.emit(ev.PhaseChanged(phase="training"))
        return validation

    def scale_lr(self, factor: float) -> None:
        """Multiply every further learning rate."""
        self.progress.lr_scale *= factor

    def change_epochs(self, epochs: int) -> None:
        """Train for so many epochs in all."""
        check_epochs(epochs, self.progress.epoch)
        if self.config.max_steps is not None:
            raise UsageError(f"this run ends after {self.config.max_steps} steps, whatever its epochs")
        self.progress.num_epochs = epochs

    def finish(self, status: Literal["finished", "stopped", "preempted"], reason: str, exit_code: ExitCode) -> None:
        """End the run after this step."""
        self.end = ev.RunEnded(
            status=status,
            step=self.step,
            epoch=self.progress.epoch,
            reason=reason,
            exit_code=int(exit_code),
            seconds=round(time.monotonic() - self._started, 3),
        )
