"""Per-step metrics without waiting for the device.

The loss, the number of right answers and the gradient norm of a step are written into a ring on the device. A few
times a second the new rows are copied out: on a GPU into pinned memory behind a CUDA event, and handed on when that
has been reached, so that no step ever waits for a number that only a person wants to see.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from core.events import Batches

CHUNK_SECONDS = 0.2
_CAPACITY = 4096
_FIRST_STEPS = 16  # in a chunk on a GPU whose pace is not known yet


@dataclass(frozen=True)
class _Mark:
    """A moment: on a GPU when its stream gets there, on a CPU now."""

    event: torch.cuda.Event | None
    host_seconds: float

    @classmethod
    def now(cls, device: torch.device) -> _Mark:
        event = None
        if device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
        return cls(event, time.perf_counter())

    def reached(self) -> bool:
        return self.event is None or bool(self.event.query())  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        if self.event is not None:
            self.event.synchronize()

    def seconds_since(self, start: _Mark) -> float:
        if self.event is not None and start.event is not None:
            return float(start.event.elapsed_time(self.event)) / 1000  # it gives milliseconds
        return self.host_seconds - start.host_seconds


@dataclass(frozen=True)
class _Chunk:
    """Steps whose rows are on their way to the host."""

    rows: Tensor
    first_step: int
    lr: list[float]
    images: list[int]
    start: _Mark
    end: _Mark
    preparations: list[tuple[_Mark, _Mark]]


class Totals(msgspec.Struct, frozen=True):
    """Sums over steps that have arrived; the training metrics of an epoch."""

    loss: float = 0.0
    """Over images."""
    correct: float = 0.0
    images: int = 0
    seconds: float = 0.0


class Meter:
    """Collect the metrics of steps on `device` and hand them out in chunks of about `CHUNK_SECONDS`."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._ring = torch.zeros(_CAPACITY, 3, device=device)
        self._count = 0  # rows in the ring that are not yet in a chunk
        # A host that only launches graphs issues in a moment what the GPU then works on for seconds, and a command
        # would have to wait for all of it. So a chunk there also ends at half of CHUNK_SECONDS of the GPU's own time.
        self._most_steps = _FIRST_STEPS if device.type == "cuda" else _CAPACITY
        self._lr: list[float] = []
        self._images: list[int] = []
        self._first_step = 0
        self._start: _Mark | None = None
        self._preparations: list[tuple[_Mark, _Mark]] = []
        self._under_way: deque[_Chunk] = deque()
        self.totals = Totals()

    def record(self, step: int, measures: Tensor, *, lr: float, num_images: int) -> None:
        """Note a step.

        Args:
            step: its number.
            measures: loss, number of right answers and gradient norm, on the device.
            lr: its learning rate.
            num_images: size of the batch.
        """
        if self._count == 0:
            self._first_step = step
        self._ring[self._count].copy_(measures.detach())  # or the ring would keep every step's graph alive
        self._count += 1
        self._lr.append(lr)
        self._images.append(num_images)

    def start(self) -> None:
        """Training goes on: time counts from here."""
        self._start = _Mark.now(self._device)

    @contextlib.contextmanager
    def preparing(self) -> Iterator[None]:
        """What runs within prepares a batch; its part of the time is told apart."""
        start = _Mark.now(self._device)
        yield
        self._preparations.append((start, _Mark.now(self._device)))

    def take(self, epoch: int) -> list[Batches]:
        """Chunks that have arrived. Begins a new one when the last is old enough."""
        arrived = []
        if self._start is not None and self._count:
            age = time.perf_counter() - self._start.host_seconds
            if age >= CHUNK_SECONDS or self._count >= self._most_steps:
                # Waiting here for the chunk before keeps the host at most two chunks ahead of the GPU, so that a
                # command takes effect soon.
                while self._under_way:
                    self._under_way[0].end.wait()
                    arrived.append(self._finish(self._under_way.popleft(), epoch))
                self._close_chunk()
        while self._under_way and self._under_way[0].end.reached():
            arrived.append(self._finish(self._under_way.popleft(), epoch))
        return arrived

    def flush(self, epoch: int) -> list[Batches]:
        """Everything noted so far; waits for the device and stops the clock until `start`."""
        if self._count:
            self._close_chunk()
        arrived = []
        while self._under_way:
            self._under_way[0].end.wait()
            arrived.append(self._finish(self._under_way.popleft(), epoch))
        self._start = None
        return arrived

    def discard(self) -> None:
        """Forget everything not yet handed out."""
        self._count, self._lr, self._images, self._start, self._preparations = 0, [], [], None, []
        self._under_way.clear()

    def _close_chunk(self) -> None:
        assert self._start is not None, "start() comes before the first step"
        rows = self._ring[: self._count]
        if self._device.type == "cuda":
            host = torch.empty(rows.shape, pin_memory=True)
            rows = host.copy_(rows, non_blocking=True)
        else:
            rows = rows.cpu().clone()
        end = _Mark.now(self._device)
        chunk = _Chunk(rows, self._first_step, self._lr, self._images, self._start, end, self._preparations)
        self._under_way.append(chunk)
        self._count, self._lr, self._images, self._start, self._preparations = 0, [], [], end, []

    def _finish(self, chunk: _Chunk, epoch: int) -> Batches:
        loss, correct, norm = chunk.rows.T.tolist()
        seconds = chunk.end.seconds_since(chunk.start)
        if self._device.type == "cuda":
            self._most_steps = steps_within(CHUNK_SECONDS / 2, len(chunk.lr), seconds)
        # One by one and in order: a resumed epoch then adds up to the very same sum.
        total_loss, total_correct = self.totals.loss, self.totals.correct
        for mean, hits, images in zip(loss, correct, chunk.images, strict=True):
            total_loss += mean * images
            total_correct += hits
        num_images = sum(chunk.images)
        self.totals = Totals(total_loss, total_correct, self.totals.images + num_images, self.totals.seconds + seconds)
        return Batches(
            epoch=epoch,
            first_step=chunk.first_step,
            loss=[_short(value) for value in loss],
            lr=[_short(value) for value in chunk.lr],
            accuracy=[_short(hits / images) for hits, images in zip(correct, chunk.images, strict=True)],
            gradient_norm=[_short(value) for value in norm],
            num_images=num_images,
            seconds=round(seconds, 6),
            data_seconds=round(sum(end.seconds_since(start) for start, end in chunk.preparations), 6),
        )


def steps_within(seconds: float, num_steps: int, took_seconds: float) -> int:
    """How many steps fit into `seconds` at the pace of `num_steps` in `took_seconds`; at least 1, at most the ring."""
    return min(max(round(num_steps * seconds / max(took_seconds, 1e-9)), 1), _CAPACITY)


def _short(value: float) -> float:
    """Six significant digits: what float32 carries for certain, and a third of the bytes of a float64."""
    return float(f"{value:.6g}")
