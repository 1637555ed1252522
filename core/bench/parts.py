"""Parts of the training by themselves: steps without and with metrics and events, and the augmentation pipeline."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from core.bench.figures import Job, Machine, Sample, What
from core.bench.limits import (
    bytes_per_image,
    copy_bytes_per_second,
    flops_per_image,
    matmul_flops_per_second,
)
from core.bench.tutorial import training_loader
from core.config import HorizontalFlip, RandomCrop
from core.data.pipeline import Pipeline
from core.device import synchronize
from core.errors import UsageError
from core.meter import Meter
from core.models.summary import num_parameters
from core.pulse import Pulse
from core.recorder import Recorder
from core.setup import set_up, use_channels_last
from core.step import Step


class Parts:
    """A run's network, optimiser and data, set up once, and what is measured on them.

    Raises:
        UsageError, DataError: the settings cannot be used here.
    """

    def __init__(self, job: Job) -> None:
        self._setup = set_up(job.config, lambda event: None)
        self._setup.model.train()
        self._step = Step(self._setup)
        data = msgspec.structs.replace(job.config.data, augment=(RandomCrop(padding=4), HorizontalFlip()))
        device, train = self._setup.device, self._setup.dataset.train
        self._pipeline = Pipeline(
            train,
            data,
            self._setup.normalize,
            seed=job.config.seed,
            device=device,
            channels_last=use_channels_last(device),
        )
        self._loader = training_loader(train, data, self._setup.normalize)
        self._training = _endless(self._setup.train_data)
        self._augmented = _endless(self._pipeline)
        self._through_pillow = self._endless_loader()
        self._recorder = Recorder(Path(job.folder) / "events.jsonl")
        self._num_steps = 0

    def _endless_loader(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        while True:
            for inputs, labels in self._loader:
                yield 1, inputs, labels

    def measure(self, what: What, seconds: float) -> Sample | Machine:
        """One of the parts, for about `seconds`."""
        match what:
            case "events off":
                return self._time(seconds, self._bare_step)
            case "events on":
                return self._with_events(seconds)
            case "pipeline":
                return self._time(seconds, lambda: len(next(self._augmented)[2]))
            case "pil":
                return self._time(seconds, lambda: len(next(self._through_pillow)[2]))
            case "machine":
                return self._machine(seconds)
            case "steps" | "epoch":
                raise UsageError(f"{what} are measured by a worker of another kind")

    def _time(self, seconds: float, work: Callable[[], int]) -> Sample:
        """Do `work`, which returns a number of images, again and again."""
        synchronize(self._setup.device)
        started, images = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            images += work()
        synchronize(self._setup.device)
        return Sample(images, time.perf_counter() - started)

    def _bare_step(self) -> int:
        """A step without anything that only a person wants to know."""
        _, inputs, labels = next(self._training)
        self._step.backward(inputs, labels)
        self._step.clip()
        self._step.update()
        return len(labels)

    def _with_events(self, seconds: float) -> Sample:
        """The same steps, each with its right answers and its gradient norm, metered, emitted and recorded."""
        setup, meter = self._setup, Meter(self._setup.device)
        lr: float = float(setup.optimizer.param_groups[0]["lr"])
        pulse = Pulse(self._recorder.emit, self._recorder.sync)
        pulse.start()
        pulse.sample(setup.device)

        def step() -> int:
            with meter.preparing():
                epoch, inputs, labels = next(self._training)
            measures = self._step.gradients(inputs, labels)
            if setup.device.type == "cpu":
                all(map(math.isfinite, measures.tolist()))  # as the trainer looks
            self._step.update()
            meter.record(self._num_steps, measures, lr=lr, num_images=len(labels))
            self._num_steps += 1
            pulse.step, pulse.last_step = self._num_steps, time.monotonic()
            for chunk in meter.take(epoch):
                self._recorder.emit(chunk)
            return len(labels)

        try:
            meter.start()
            return self._time(seconds, step)
        finally:
            pulse.stop()

    def _machine(self, seconds: float) -> Machine:
        setup, config = self._setup, self._setup.config
        info, batch_size = setup.device_info, config.data.batch_size
        count = num_parameters(setup.model)
        value_bytes = 2 if info.precision == "bfloat16" else 4
        return Machine(
            device=info.title,
            precision=info.precision,
            threads=torch.get_num_threads(),
            batch_size=batch_size,
            num_parameters=count,
            flops_per_image=flops_per_image(setup.layers),
            bytes_per_image=bytes_per_image(
                setup.layers, count, config.optimizer, batch_size=batch_size, value_bytes=value_bytes
            ),
            float32_flops_per_second=matmul_flops_per_second(setup.device, torch.float32, seconds / 3),
            bfloat16_flops_per_second=matmul_flops_per_second(setup.device, torch.bfloat16, seconds / 3),
            copy_bytes_per_second=copy_bytes_per_second(setup.device, seconds / 3),
        )


def _endless(data: Pipeline) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(epoch, inputs, labels) of one batch after another."""
    epoch = 0
    while True:
        epoch += 1
        for index in range(data.steps_per_epoch):
            yield epoch, *data.batch(epoch, index)
