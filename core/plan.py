"""What is planned: how many steps, and the learning rate, momentum and image size of each."""

from __future__ import annotations

from core import events as ev
from core.config import Plateau, TrainConfig
from core.optim.schedules import lr_factor, momentum_at
from core.optim.schedules import plan as plan_lr
from core.progress import Progress


class Plan:
    """The settings of a run as its progress (commands, rollbacks, plateaus) has changed them.

    Args:
        config: the run's.
        steps_per_epoch: at least 1.
        progress: where the run is; read anew at every question.
    """

    def __init__(self, config: TrainConfig, steps_per_epoch: int, progress: Progress) -> None:
        self._config, self._steps_per_epoch, self._progress = config, steps_per_epoch, progress

    @property
    def num_steps(self) -> int:
        """Steps planned; a schedule spans them all."""
        steps = self._progress.num_epochs * self._steps_per_epoch
        return min(steps, self._config.max_steps or steps)

    @property
    def num_epochs(self) -> int:
        """Epochs planned; the last one may be cut short by `max_steps`."""
        return -(-self.num_steps // self._steps_per_epoch)

    def learning_rate(self, step: int) -> float:
        """Of the step with this 0-based index."""
        factor = lr_factor(self._config.schedule, step, self.num_steps, self._steps_per_epoch) * self._plateau_factor
        return self._config.optimizer.lr * factor * self._progress.lr_scale

    @property
    def _plateau_factor(self) -> float:
        """1 with any other schedule, as that of a fork may be."""
        return self._progress.plateau.factor if isinstance(self._config.schedule, Plateau) else 1.0

    def momentum(self, step: int) -> float | None:
        """Of the step with this index; None where the schedule leaves the optimiser's own."""
        return momentum_at(self._config.schedule, step, self.num_steps)

    def image_size(self, step: int) -> int | None:
        """Side of the images of the step with this index; None is their own."""
        data = self._config.data
        return data.low_size if step < data.low_part * self.num_steps else None

    def lr_plan(self) -> ev.LrPlan:
        """The learning rate from here to the end."""
        return plan_lr(
            self._config.schedule,
            self._config.optimizer.lr,
            num_steps=self.num_steps,
            steps_per_epoch=self._steps_per_epoch,
            first_step=self._progress.step,
            scale=self._progress.lr_scale * self._plateau_factor,
        )

    def follow_validation(self, loss: float) -> str:
        """Take an epoch's validation loss into account; why the plan has changed, or nothing."""
        schedule, before = self._config.schedule, self._progress.plateau
        if not isinstance(schedule, Plateau):
            return ""
        self._progress.plateau = before.update(schedule, loss)
        if self._progress.plateau.factor == before.factor:
            return ""
        epochs = "an epoch" if schedule.patience == 0 else f"{schedule.patience + 1} epochs"
        return f"the validation loss has not improved for {epochs}"
