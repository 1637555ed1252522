"""The vocabulary of a run: one frozen struct per event, a tagged union, and the line that carries it.

A run is the sequence of its events. `core.recorder` writes them, `core.reader` reads them, `core.state.RunState` folds
them, and nothing else decides what a number on the screen means. A line of `events.jsonl` is one JSON object:

    {"v":1,"seq":7,"wall":1763712000.1,"mono":5123.4,"attempt":1,"event":{"kind":"paused",...},"crc":"89abcdef"}

`wall` is seconds since the epoch, `mono` seconds of the trainer's monotonic clock (comparable within an attempt only),
`crc` the CRC-32 of all bytes of the line before `,"crc"`. JSON has no NaN or infinity: they are spelled as the strings
"NaN", "Infinity" and "-Infinity". Where a field takes anything (`config`), such a number comes back as that text.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, Literal

import msgspec

SCHEMA_VERSION = 1


class EventBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all events. Fields are plain values; unknown fields of a newer writer are ignored."""


class DeviceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where the training runs, and why there."""

    name: str
    """The PyTorch device: cpu, cuda:0, …"""
    title: str
    """What a person calls it: NVIDIA H100, AMD EPYC (2 threads) …"""
    reason: str
    """Why this device was chosen."""
    precision: str
    memory_bytes: int = 0


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer of the network as it was run on one image."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    """Without the batch dimension."""
    num_parameters: int
    flops: int
    """Floating-point operations for one image, forward; a multiply-add counts as 2."""
    receptive_field: int | None
    """Side in input pixels; None where every input pixel is seen (after flattening)."""


class LrPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The planned learning rate of the whole run, as points of a polyline; equal steps make a jump."""

    steps: list[int]
    lr: list[float]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A published curve: a metric at 1-based epochs. Accuracies are fractions."""

    metric: Literal["validation_top1", "validation_top5", "train_accuracy", "validation_loss", "train_loss", "last_lr"]
    epochs: tuple[int, ...]
    values: tuple[float, ...]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What the authors of a system reported."""

    summary: str
    """The headline in one sentence."""
    curves: tuple[Curve, ...] = ()
    per_class: dict[str, float] = {}
    """Final validation accuracy of each class."""
    seconds: float | None = None
    device: str | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The network on the whole validation set, in evaluation mode; means are over images."""

    loss: float
    top1: float
    top5: float | None
    """None with fewer than six classes."""
    confusion: list[list[int]]
    """Counts; rows are actual classes, columns predicted ones."""
    seconds: float
    predictions: str | None = None
    """Path of the predictions file within the run folder."""


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


class PhaseChanged(EventBase, frozen=True, kw_only=True, tag="phase_changed"):
    """What the trainer turns to now."""

    phase: Literal["starting", "loading_data", "building", "warming_up", "training", "evaluating", "saving"]
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
    reason: Literal["epoch", "best", "command", "signal", "stop", "end"]
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


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the log."""

    seq: int
    """0, 1, 2, … over all attempts."""
    wall: float
    mono: float
    attempt: int
    event: Event


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    seq: int
    wall: float
    mono: float
    attempt: int
    event: Event


class CorruptLineError(ValueError):
    """A line whose checksum or content is wrong."""


class NewerSchemaError(ValueError):
    """A line written by a newer version of cifar-tui."""


class _Version(msgspec.Struct, frozen=True):
    v: int


_CRC = b',"crc":"'
_encoder = msgspec.json.Encoder()
# Not strict: that is what lets the strings "NaN" and "Infinity" be read as numbers.
_decoder = msgspec.json.Decoder(_Line, strict=False)
_version_decoder = msgspec.json.Decoder(_Version)


def encode(record: Record) -> bytes:
    """One line with its checksum and newline."""
    line = _Line(
        v=SCHEMA_VERSION,
        seq=record.seq,
        wall=record.wall,
        mono=record.mono,
        attempt=record.attempt,
        event=record.event,
    )
    try:
        body = _encoder.encode(line)
    except UnicodeEncodeError:  # half a surrogate pair: a file name that is not UTF-8 found its way into a text
        body = b"null"
    if b"null" in body:  # msgspec writes non-finite numbers as null; only then is the slow walk needed
        body = _encoder.encode(_spell_out(msgspec.to_builtins(line)))
    head = body[:-1]
    return b'%b%b%08x"}\n' % (head, _CRC, zlib.crc32(head))


def decode(line: bytes) -> Record:
    """The record of a whole line.

    Raises:
        CorruptLineError: the checksum does not fit or the content is not an event.
        NewerSchemaError: the line is sound but its schema is newer than this program.
    """
    line = line.rstrip(b"\n")
    head, separator, tail = line.rpartition(_CRC)
    if not separator or tail != b'%08x"}' % zlib.crc32(head):
        raise CorruptLineError("the checksum does not fit")
    body = head + b"}"
    try:
        parsed = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _why_undecodable(body, error) from error
    if parsed.v > SCHEMA_VERSION:
        raise NewerSchemaError(f"schema version {parsed.v}; this program reads up to {SCHEMA_VERSION}")
    return Record(seq=parsed.seq, wall=parsed.wall, mono=parsed.mono, attempt=parsed.attempt, event=parsed.event)


def _why_undecodable(body: bytes, error: Exception) -> ValueError:
    try:
        version = _version_decoder.decode(body).v
    except (msgspec.DecodeError, UnicodeDecodeError):
        return CorruptLineError(str(error))
    if version > SCHEMA_VERSION:
        return NewerSchemaError(f"schema version {version}; this program reads up to {SCHEMA_VERSION}")
    return CorruptLineError(str(error))


def _spell_out(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_spell_out(key): _spell_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spell_out(item) for item in value]
    return value
