"""The vocabulary of a run: one frozen struct per event, and a tagged union of them.

A run is the sequence of its events. `core.codec` says how they are written, `core.recorder` writes them, `core.reader`
reads them, `core.state.RunState` folds them, and nothing else decides what a number on the screen means.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from core.event_values import Curve as Curve
from core.event_values import DeviceInfo as DeviceInfo
from core.event_values import Evaluation as Evaluation
from core.event_values import Layer as Layer
from core.event_values import LrPlan as LrPlan
from core.event_values import Published as Published


class EventBase(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind"):
    """Base of all events. Fields are plain values; unknown fields of a newer writer are ignored.

    No event can hold itself, so that the garbage collector need not look at the millions of a long run.
    """


class RunStarted(EventBase, frozen=True, kw_only=True, tag="run_started"):
    """The run is set up; training is about to begin."""

    run_id: str
    recipe: str
    dataset: str
    config: dict[str, Any]
    classes: list[str]
    superclasses: list[str] = []
    superclass_of: list[int] = []
    """For each class the index of its superclass; empty where there are none."""
    layers: list[Layer] = []
    num_parameters: int = 0
    num_train_images: int
    num_validation_images: int
    image_shape: tuple[int, int, int]
    """Channels, height, width."""
    mean: list[float] = []
    """Of each channel, in 0–1, subtracted from the images; empty where they are not normalised."""
    std: list[float] = []
    """Of each channel; the images are divided by it."""
    image_fingerprint: str | None = None
    """Name of the validation images under runs/.images."""
    batch_size: int
    steps_per_epoch: int
    num_epochs: int
    num_steps: int
    """Steps planned in all."""
    plan: LrPlan
    device: DeviceInfo
    published: Published | None = None
    versions: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not self.classes or self.steps_per_epoch < 1:
            raise ValueError(f"{len(self.classes)} classes, {self.steps_per_epoch} steps per epoch")
        if self.superclass_of and len(self.superclass_of) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes and {len(self.superclass_of)} that have a superclass")
        if not all(0 <= index < len(self.superclasses) for index in self.superclass_of):
            raise ValueError("a class of a superclass that there is not")


class PhaseChanged(EventBase, frozen=True, kw_only=True, tag="phase_changed"):
    """What the trainer turns to now."""

    phase: Literal["starting", "loading_data", "building", "warming_up", "training", "evaluating"]
    detail: str = ""


class Batches(EventBase, frozen=True, kw_only=True, tag="batches"):
    """Consecutive training steps. Every list has one value a step."""

    epoch: int
    """1-based."""
    first_step: int
    """0-based index of the first of these steps in the run."""
    loss: list[float]
    """Mean over the batch."""
    lr: list[float]
    accuracy: list[float]
    """Top-1 of the batch as it was trained (augmented, dropout on)."""
    gradient_norm: list[float]
    """Global L2 norm before clipping."""
    num_images: int
    """Images in these steps together."""
    seconds: float
    """Training time of these steps: without evaluation, saving and pauses."""
    data_seconds: float = 0.0
    """The part of it spent preparing batches, where that could be told."""


class EpochEnded(EventBase, frozen=True, kw_only=True, tag="epoch_ended"):
    """A pass over the training set and the evaluation after it."""

    epoch: int
    """1-based."""
    step: int
    """Steps done so far."""
    train_loss: float
    train_accuracy: float
    validation: Evaluation
    lr: float
    """Learning rate of the epoch's last step."""
    seconds: float
    """Training time of the epoch."""
    images_per_second: float


class Evaluated(EventBase, frozen=True, kw_only=True, tag="evaluated"):
    """An evaluation that somebody asked for, within an epoch."""

    epoch: int
    step: int
    validation: Evaluation


class CheckpointSaved(EventBase, frozen=True, kw_only=True, tag="checkpoint_saved"):
    """A checkpoint is durable."""

    step: int
    epoch: int
    """Epochs completed."""
    path: str
    """Folder within the run folder."""
    reason: Literal["fork", "epoch", "command", "signal", "stop", "end"]
    """`fork`: what a fork begins with, of its own."""
    is_best: bool = False
    num_bytes: int = 0
    seconds: float = 0.0


class CommandHandled(EventBase, frozen=True, kw_only=True, tag="command"):
    """A command from a viewer or a shell, as it goes through the trainer."""

    command_id: str
    name: str
    argument: str = ""
    sender: str = ""
    status: Literal["received", "done", "refused"]
    step: int
    message: str = ""
    """What it changed, or why it was refused."""
    plan: LrPlan | None = None
    """The new plan, where the command changed it."""
    num_epochs: int | None = None
    num_steps: int | None = None


class Paused(EventBase, frozen=True, kw_only=True, tag="paused"):
    """Training waits before its next step."""

    step: int


class Unpaused(EventBase, frozen=True, kw_only=True, tag="unpaused"):
    """Training goes on."""

    step: int
    seconds: float
    """How long it waited."""


class Resumed(EventBase, frozen=True, kw_only=True, tag="resumed"):
    """A new attempt goes on from a checkpoint; whatever was recorded at or after `from_step` is superseded."""

    attempt: int
    from_step: int
    from_epoch: int
    """Epochs completed at that step."""
    checkpoint: str
    lr_scale: float = 1.0
    """Product of the factors of commands and rollbacks until then, be it in the run that this one was forked from."""


class RolledBack(EventBase, frozen=True, kw_only=True, tag="rolled_back"):
    """Training diverged and goes on from an earlier checkpoint; what was recorded from `from_step` on is superseded."""

    from_step: int
    from_epoch: int
    """Epochs completed at that step."""
    reason: str
    plan: LrPlan


class PlanChanged(EventBase, frozen=True, kw_only=True, tag="plan_changed"):
    """The schedule itself changed the learning rates to come (a plateau was found)."""

    step: int
    reason: str
    plan: LrPlan


class SystemSampled(EventBase, frozen=True, kw_only=True, tag="system"):
    """Load of the machine. What could not be read is None."""

    cpu_percent: float | None = None
    """Of one core, this process: 200 means two cores busy."""
    memory_bytes: int | None = None
    """Resident memory of this process."""
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    gpu_memory_total_bytes: int | None = None
    gpu_temperature_celsius: float | None = None
    gpu_power_watts: float | None = None
    gpu_clock_mhz: float | None = None


class Heartbeat(EventBase, frozen=True, kw_only=True, tag="heartbeat"):
    """The trainer lives, whatever its training does."""

    step: int
    last_step_age_seconds: float | None
    """Since the last step was issued; None before the first."""


class Notice(EventBase, frozen=True, kw_only=True, tag="notice"):
    """Something a person should read."""

    level: Literal["info", "warning", "error"]
    text: str


class RunEnded(EventBase, frozen=True, kw_only=True, tag="run_ended"):
    """The attempt is over."""

    status: Literal["finished", "stopped", "preempted", "diverged", "failed"]
    step: int
    epoch: int
    """Epochs completed."""
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    """Wall time of the attempt."""


Event = (
    RunStarted
    | PhaseChanged
    | Batches
    | EpochEnded
    | Evaluated
    | CheckpointSaved
    | CommandHandled
    | Paused
    | Unpaused
    | Resumed
    | RolledBack
    | PlanChanged
    | SystemSampled
    | Heartbeat
    | Notice
    | RunEnded
)


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event with its place in the log."""

    seq: int
    """0, 1, 2, … over all attempts."""
    wall: float
    mono: float
    attempt: int
    event: Event
