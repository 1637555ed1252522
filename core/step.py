"""A training step: forward, backward, update; issued kernel by kernel, or replayed as one CUDA graph.

Python takes several milliseconds to issue the few hundred kernels of a step. A small network's step runs in less on a
GPU, which then waits for Python; as a graph the whole step is one launch. Both ways run the same kernels on the same
numbers.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from core.setup import Setup

WARM_UP_STEPS = 3  # before a capture: kernels are chosen, workspaces allocated, optimiser state made

Measures = Tensor
"""Of a batch, float32 of 3, still on the device: the loss (mean over the batch, with label smoothing where the run has
it), the number of right answers, and the global L2 norm of the gradient before clipping."""


class Stepper(Protocol):
    """Takes inputs B×C×H×W and labels B, and changes the weights."""

    def __call__(self, inputs: Tensor, labels: Tensor) -> Measures: ...


class Step:
    """The step as it stands in a textbook. Nothing in it waits for the device."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._settings = setup.config.optimizer
        self._parameters = [parameter for parameter in setup.model.parameters() if parameter.requires_grad]

    def __call__(self, inputs: Tensor, labels: Tensor) -> Measures:
        """Forward, backward, update."""
        measures = self.gradients(inputs, labels)
        self.update()
        return measures

    def gradients(self, inputs: Tensor, labels: Tensor) -> Measures:
        """Forward and backward, and what is done to the gradient before the update."""
        loss, logits = self.backward(inputs, labels)
        correct = (logits.argmax(1) == labels).sum()
        norm = self.gradient_norm()
        self.clip(norm)
        return torch.stack((loss, correct.float(), norm.float()))

    def backward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Forward and backward: loss and logits, which are no part of the graph any more."""
        with self._setup.autocast():
            logits = self._setup.compiled(inputs)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=self._settings.label_smoothing)
        for parameter in self._parameters:  # one with a learning rate of 0 may be in no group of the optimiser
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach(), logits.detach()

    def gradient_norm(self) -> Tensor:
        """Global L2 norm, without dimensions.

        What torch.nn.utils.get_total_norm computes, which sorts the parameters by device first: on a CPU that takes as
        long again.
        """
        norms = torch._foreach_norm([p.grad for p in self._parameters if p.grad is not None])
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return norm

    def clip(self, norm: Tensor | None = None) -> None:
        """Clip the gradient as the recipe says; `norm` is its norm before, where that is known already."""
        settings = self._settings
        if settings.clip_value is not None:
            torch.nn.utils.clip_grad_value_(self._parameters, settings.clip_value)
            norm = None  # it is smaller now
        if settings.clip_norm is not None:
            norm = self.gradient_norm() if norm is None else norm
            torch.nn.utils.clip_grads_with_norm_(self._parameters, settings.clip_norm, norm)

    def update(self) -> None:
        """Move the weights."""
        self._setup.optimizer.step()

    def key(self, inputs: Tensor) -> tuple[torch.Size, float]:
        """Steps of one key run the same kernels."""
        return inputs.shape, self._setup.phase


class GraphedStep:
    """A step as CUDA graphs, one for each shape of batch and each phase it was captured in; what else comes runs as it
    is.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._captured: dict[tuple[torch.Size, float], tuple[torch.cuda.CUDAGraph, Tensor, Tensor, Measures]] = {}

    def capture(self, batches: list[tuple[Tensor, Tensor]], setup: Setup) -> None:
        """Capture the steps of all phases for batches like these. It changes the weights as a few steps would.

        What is random within (dropout) follows the seed that the generator has when the graph is replayed.
        """
        own = [(inputs.clone(memory_format=torch.preserve_format), labels.clone()) for inputs, labels in batches]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # all before the first capture, which would keep its memory from them
            for _ in setup.each_phase():
                for batch in own:
                    for _ in range(WARM_UP_STEPS):
                        self._step(*batch)
        torch.cuda.current_stream().wait_stream(stream)
        pool: Any = None  # one for all: no graph needs what another has left in it
        with _capturing():
            for _ in setup.each_phase():
                for inputs, labels in own:
                    graph = torch.cuda.CUDAGraph()
                    with torch.cuda.graph(graph, pool=pool, stream=stream):
                        measures = self._step(inputs, labels)
                    pool = graph.pool()
                    self._captured[self._step.key(inputs)] = (graph, inputs, labels, measures)

    def __call__(self, inputs: Tensor, labels: Tensor) -> Measures:
        """Replay; the measures are overwritten by the next call."""
        captured = self._captured.get(self._step.key(inputs))
        if captured is None:
            return self._step(inputs, labels)
        graph, own_inputs, own_labels, measures = captured
        own_inputs.copy_(inputs)
        own_labels.copy_(labels)
        graph.replay()
        return measures


@contextlib.contextmanager
def _capturing() -> Iterator[None]:
    """Collect garbage before and not within: a graph of an earlier run that comes to its end would spoil the capture.

    One that fails leaves its stream the current one in PyTorch 2.11.
    """
    stream, collects = torch.cuda.current_stream(), gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        torch.cuda.set_stream(stream)
        if collects:
            gc.enable()
