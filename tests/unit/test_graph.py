"""Steps as CUDA graphs, without a GPU: a capture notes its operations and their very tensors, a replay does them again.

What a graph would freeze (a number where a tensor should be, a tensor that is replaced) shows here as it would there,
and an operation that a capture forbids, because it waits for the device, fails.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from core import events as ev
from core.config import DataConfig, ModelConfig, OptimizerConfig, RandomCrop, TrainConfig
from core.device import seed_device
from core.optim.factory import set_hyperparameters
from core.progress import Progress, capture, restore
from core.setup import Setup, set_up
from core.step import GraphedStep, Step, Stepper
from core.warmup import _try_graph, _undone

Operation = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


class Graph:
    """Stands in for torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def pool(self) -> None:
        return None

    @torch.no_grad()
    def replay(self) -> None:
        for function, args, kwargs, outputs in self.operations:
            kinds = [one.alias_info for one in function._schema.returns]
            if any(kind is not None and not kind.is_write for kind in kinds):
                continue  # a view, of memory that stays where it is
            again = function(*args, **kwargs)
            for output, new in zip(tree_leaves(outputs), tree_leaves(again), strict=True):
                if isinstance(output, torch.Tensor) and output.data_ptr() != new.data_ptr():
                    output.copy_(new)


class Capturing(TorchDispatchMode):
    """Notes what is done into a graph."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert function not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
        outputs = function(*args, **(kwargs or {}))
        self._graph.operations.append((function, args, kwargs or {}, outputs))
        return outputs


class Stream:
    """Stands in for torch.cuda.Stream."""

    def wait_stream(self, other: Stream) -> None:
        """Everything is done when it is asked for."""


@pytest.fixture(autouse=True)
def graphs_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def capturing(graph: Graph, pool: None, stream: Stream) -> Iterator[None]:
        with Capturing(graph):
            yield

    monkeypatch.setattr("core.warmup._TIMED_STEPS", 1)
    monkeypatch.setattr("core.warmup.WARM_UP_STEPS", 1)
    monkeypatch.setattr("core.step.WARM_UP_STEPS", 1)
    monkeypatch.setattr("torch.cuda.CUDAGraph", Graph)
    monkeypatch.setattr("torch.cuda.graph", capturing)
    monkeypatch.setattr("torch.cuda.Stream", Stream)
    monkeypatch.setattr("torch.cuda.current_stream", Stream)
    monkeypatch.setattr("torch.cuda.stream", contextlib.nullcontext)
    monkeypatch.setattr("torch.cuda.set_stream", lambda stream: None)


MODELS = {
    "two phases": ModelConfig(name="speednet", args={"width1": 8, "width2": 8, "width3": 8, "bias_part": 0.5}),
    "dropout": ModelConfig(name="lenet"),
}
OPTIMIZERS = {
    "muon": OptimizerConfig(name="muon", lr=0.1, momentum=0.6, linear_lr=10.0, bias_lr=1.0, weight_decay=1e-3),
    "adam": OptimizerConfig(name="adam", lr=1e-3),
    "sgd, clipped by value and norm": OptimizerConfig(
        name="sgd", lr=0.05, momentum=0.9, nesterov=True, clip_value=1e-3, clip_norm=1e-2
    ),
}


def prepared(model: str, optimizer: str) -> tuple[Setup, Step, GraphedStep]:
    config = TrainConfig(
        recipe="test",
        epochs=1,
        data=DataConfig(dataset="shapes", batch_size=16, augment=(RandomCrop(padding=2),)),
        model=MODELS[model],
        optimizer=OPTIMIZERS[optimizer],
        device="cpu",
        precision="float32",
        graph=True,
    )
    setup = set_up(config, lambda event: None)
    step, sizes = Step(setup), (None, 24) if model == "two phases" else (None,)
    batches = [setup.train_data.batch(1, 0, size) for size in sizes]
    with _undone(setup):
        graphed = _try_graph(step, setup, batches, 1.0, lambda event: None)
    assert isinstance(graphed, GraphedStep)
    return setup, step, graphed


def run(setup: Setup, step: Stepper, first: int, last: int) -> list[torch.Tensor]:
    """Measures of steps that differ in all that may differ in a run, and the state after them."""
    numbers = []
    for index in range(first, last):
        setup.enter_phase(index / 6)
        seed_device(setup.device, index)
        set_hyperparameters(setup.optimizer, lr=setup.config.optimizer.lr / (1 + index))
        small = index % 2 == 0 and isinstance(setup.config.model.args.get("bias_part"), float)
        inputs, labels = setup.train_data.batch(1, index, 24 if small else None)
        part = 7 if index == 4 else None  # an epoch's last batch
        numbers.append(step(inputs[:part], labels[:part]).clone())
    moments = [tensor for values in setup.optimizer.state.values() for tensor in values.values()]
    return numbers + [tensor.clone() for tensor in (*setup.model.state_dict().values(), *moments)]


def assert_equal(left: list[torch.Tensor], right: list[torch.Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_replayed_steps_are_those_issued_one_by_one(model: str, optimizer: str) -> None:
    plain_setup, plain, _ = prepared(model, optimizer)
    setup, _, graphed = prepared(model, optimizer)
    assert_equal(run(plain_setup, plain, 0, 6), run(setup, graphed, 0, 6))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_graph_goes_on_from_where_a_rollback_leads(optimizer: str) -> None:
    setup, _, graphed = prepared("two phases", optimizer)
    run(setup, graphed, 0, 2)
    saved = copy.deepcopy(capture(Progress(num_epochs=1), setup))
    first = run(setup, graphed, 2, 5)
    restore(saved, setup)
    assert_equal(first, run(setup, graphed, 2, 5))


@pytest.mark.parametrize("asked", ["auto", True])
def test_where_the_memory_is_too_small_for_a_graph_steps_run_without(
    asked: Literal["auto", True], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, step, _ = prepared("dropout", "adam")
    setup.config = msgspec.structs.replace(setup.config, graph=asked)
    told: list[ev.Event] = []

    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(GraphedStep, "capture", full)
    if asked is True:
        with pytest.raises(torch.OutOfMemoryError):
            _try_graph(step, setup, [], 1.0, told.append)
    else:
        assert _try_graph(step, setup, [], 1.0, told.append) is step
        assert [event.text for event in told if isinstance(event, ev.Notice)] == [
            "steps run without a CUDA graph, which cannot be captured: CUDA out of memory."
        ]
