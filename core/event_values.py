"""What events are made of: devices, layers, plans, curves, evaluations. Plain values, frozen like the events."""

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
    top1_test_time: float | None = None
    """Accuracy with the logits averaged over several views of each image, where the run asks for it."""
