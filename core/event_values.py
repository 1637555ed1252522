"""What events are made of: devices, layers, plans, curves, evaluations. Plain values, frozen like the events.

What contradicts itself cannot be made: a line of a log that holds it counts as damaged, so that whoever reads a value
can rely on its shape.
"""

from __future__ import annotations

from typing import Literal

import msgspec


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

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.lr):
            raise ValueError(f"a plan of {len(self.steps)} steps and {len(self.lr)} learning rates")


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A published curve: a metric at 1-based epochs. Accuracies are fractions."""

    metric: Literal["validation_top1", "validation_top5", "train_accuracy", "validation_loss", "train_loss", "last_lr"]
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.values):
            raise ValueError(f"a curve of {len(self.epochs)} epochs and {len(self.values)} values")


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
    top1_test_time: float | None = None
    """Accuracy with the logits averaged over several views of each image, where the run asks for it."""

    def __post_init__(self) -> None:
        if not self.confusion or any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("a confusion matrix that is empty or not square")
