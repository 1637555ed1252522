"""What a benchmark measures and what follows from it. Imports no PyTorch: the measuring is done in other processes."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from core.config import TrainConfig

Say = Callable[[str], None]
"""Takes a line that says what is being done."""
Kind = Literal["tutorial", "ours", "parts"]
What = Literal["steps", "epoch", "machine", "events off", "events on", "pipeline", "pil"]


class Job(msgspec.Struct, kw_only=True):
    """What a worker process is to prepare."""

    kind: Kind
    config: TrainConfig
    folder: str
    """Where it may write."""
    whole_epochs: bool = False
    """Measure epochs with their evaluation, and not steps."""
    num_workers: int | None = None
    """Processes of the tutorial's DataLoader; None leaves the choice to it."""


class Order(msgspec.Struct):
    """What a worker is to measure next."""

    what: What
    seconds: float
    """For how long, at least."""


class Ready(msgspec.Struct, tag=True):
    """The worker has loaded everything and waits for orders."""


class Sample(msgspec.Struct, tag=True):
    """So many images in so many seconds."""

    images: int
    seconds: float

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds


class Machine(msgspec.Struct, tag=True, kw_only=True):
    """The machine and the work, as far as the limits of the one can be held against the other."""

    device: str
    precision: str
    threads: int
    batch_size: int
    num_parameters: int
    flops_per_image: float
    """Of a training step: forward, and twice as much backward."""
    bytes_per_image: float
    """Of a training step that moves every tensor between the memory and the device's units at each use."""
    float32_flops_per_second: float
    """Measured in matrix products."""
    bfloat16_flops_per_second: float
    copy_bytes_per_second: float
    """Measured in copies; bytes read and bytes written."""

    @property
    def peak_flops_per_second(self) -> float:
        """That of the precision which is trained in."""
        return self.bfloat16_flops_per_second if self.precision == "bfloat16" else self.float32_flops_per_second

    def flops_share(self, images_per_second: float) -> float:
        """Part of the peak that training at this rate takes."""
        return images_per_second * self.flops_per_image / self.peak_flops_per_second

    def bytes_share(self, images_per_second: float) -> float:
        """Part of the copy bandwidth that training at this rate takes; beyond 1 where caches hold much of it."""
        return images_per_second * self.bytes_per_image / self.copy_bytes_per_second


class Failure(msgspec.Struct, tag=True):
    """The worker cannot go on."""

    message: str
    exit_code: int


Reply = Ready | Sample | Machine | Failure


class Comparison(msgspec.Struct, frozen=True):
    """Images a second of two things that were measured in turn."""

    baseline: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def baseline_rate(self) -> float:
        """Median."""
        return statistics.median(self.baseline)

    @property
    def our_rate(self) -> float:
        """Median."""
        return statistics.median(self.ours)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours ÷ baseline, pair by pair: what slows the machine for a while slows both of a pair."""
        return tuple(ours / baseline for baseline, ours in zip(self.baseline, self.ours, strict=True))

    @property
    def ratio(self) -> float:
        """Median of the pairs' ratios."""
        return statistics.median(self.ratios)

    @property
    def unsteadiness(self) -> float:
        """The highest of the pairs' ratios ÷ the lowest; 1 on a machine that nothing disturbs."""
        return max(self.ratios) / min(self.ratios)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "baseline_images_per_second": self.baseline_rate,
            "our_images_per_second": self.our_rate,
            "ratio": self.ratio,
            "pairs": [{"baseline": one, "ours": other} for one, other in zip(self.baseline, self.ours, strict=True)],
        }


class Benchmark(msgspec.Struct, kw_only=True, frozen=True):
    """The figures of one recipe on this machine."""

    recipe: str
    tutorial: str
    """The recipe whose settings the tutorial-style loop has."""
    dataset: str
    is_stand_in: bool
    """Whether random images took the place of a data set that is not on this machine."""
    training: Comparison
    """A tutorial-style loop, and the trainer with all it does."""
    events: Comparison
    """The same steps without and with metrics, events and recording."""
    pipeline: Comparison
    """Crop and flip alone: Pillow's, and ours."""
    machine: Machine

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        machine, rate = self.machine, self.training.our_rate
        facts = {name: getattr(machine, name) for name in machine.__struct_fields__}
        return {
            "recipe": self.recipe,
            "tutorial": self.tutorial,
            "dataset": self.dataset,
            "random_images": self.is_stand_in,
            "training": self.training.as_json(),
            "events_off_on": self.events.as_json(),
            "crop_and_flip": self.pipeline.as_json(),
            "machine": facts | {"flops_share": machine.flops_share(rate), "bytes_share": machine.bytes_share(rate)},
        }
