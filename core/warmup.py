"""Choose how steps run, by trying, before the training clock starts; leave no trace of it in the run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from core import events as ev
from core.config import OneCycle
from core.device import synchronize
from core.setup import Setup
from core.step import WARM_UP_STEPS, GraphedStep, Step, Stepper

_TIMED_STEPS = 20
_COMPILE_FROM_SECONDS = 600.0  # compiling takes about a minute, and saves perhaps a fifth of the rest
_GAIN = 1.02  # less is noise


def warm_up(step: Step, setup: Setup, num_steps: int, emit: Callable[[ev.Event], None]) -> Stepper:
    """Choose kernels, compile and capture before the training clock starts, and say how steps will run and why.

    Weights, buffers and the optimiser's state are put back: nothing of it is left in the run.

    Args:
        step: the plain step.
        setup: what it works on.
        num_steps: steps of the run, which decide whether compiling can pay.
        emit: takes a notice.
    """
    data = setup.config.data
    sizes = {data.low_size, None} if data.low_part < 1 else {data.low_size}
    # By shape: images may be no larger than the size that they are to begin with.
    by_shape = {batch[0].shape: batch for batch in (setup.train_data.batch(1, 0, size) for size in sizes)}
    batches = list(by_shape.values())
    with _undone(setup):
        chosen = _choose(step, setup, batches, num_steps, emit)
        for size in sizes:  # an epoch's last batch may be smaller, for which kernels are chosen as well
            chosen(*setup.train_data.batch(1, setup.train_data.steps_per_epoch - 1, size))
        setup.model.eval()
        with torch.inference_mode(), setup.autocast():
            setup.model(next(setup.validation_batches())[0])
        setup.model.train()
    return chosen


def _choose(
    step: Step, setup: Setup, batches: list[tuple[Tensor, Tensor]], num_steps: int, emit: Callable[[ev.Event], None]
) -> Stepper:
    """Time what there is to choose from. The network in `setup.compiled` is the chosen one."""
    config, device = setup.config, setup.device
    seconds = _time(step, batches, setup)
    # Compiled kernels round in another way, so what a clock decides has no place in a run that is to be repeated.
    may_compile = config.compile == "auto" and device.type == "cuda" and not config.deterministic
    if config.compile is True or (may_compile and seconds * num_steps > _COMPILE_FROM_SECONDS):
        seconds = _try_compiling(step, setup, batches, seconds, emit)
    if device.type == "cuda" and config.graph is not False:
        return _try_graph(step, setup, batches, seconds, emit)
    return step


class _Compiled:
    """A network compiled for batches of known shapes. Any other, an epoch's last and smaller one, goes through it as it
    is: to be compiled for that as well would halt the training for longer than it could ever save.
    """

    def __init__(self, model: nn.Module, shapes: set[torch.Size]) -> None:
        self._model, self._shapes = model, shapes
        self._compiled = torch.compile(model, dynamic=False)

    def __call__(self, inputs: Tensor) -> Tensor:
        network: Callable[[Tensor], Tensor] = self._compiled if inputs.shape in self._shapes else self._model
        return network(inputs)


def _try_compiling(
    step: Step, setup: Setup, batches: list[tuple[Tensor, Tensor]], seconds: float, emit: Callable[[ev.Event], None]
) -> float:
    """Seconds of a step after the choice."""
    plain = setup.compiled
    try:
        setup.compiled = _Compiled(setup.model, {inputs.shape for inputs, _ in batches})
        compiled = _time(step, batches, setup)
    except RuntimeError as error:
        if setup.config.compile is True:
            raise
        setup.compiled = plain
        emit(ev.Notice(level="warning", text=f"the network is not compiled, which fails here: {_reason(error)}"))
        return seconds
    figures = f"{compiled * 1000:.2f} ms a step against {seconds * 1000:.2f} ms"
    if setup.config.compile is True or compiled * _GAIN < seconds:
        emit(ev.Notice(level="info", text=f"the network is compiled: {figures}"))
        return compiled
    setup.compiled = plain
    emit(ev.Notice(level="info", text=f"the network is not compiled: {figures}"))
    return seconds


def _try_graph(
    step: Step, setup: Setup, batches: list[tuple[Tensor, Tensor]], seconds: float, emit: Callable[[ev.Event], None]
) -> Stepper:
    schedule = setup.config.schedule
    if isinstance(schedule, OneCycle) and schedule.momentum is not None:
        emit(ev.Notice(level="info", text="steps run without a CUDA graph: their momentum changes every step"))
        return step
    for group in setup.optimizer.param_groups:
        # Numbers would be frozen into the graph: the learning rate has to be read from the device.
        group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=setup.device)
        if "capturable" in group:
            group["capturable"] = True
    graphed = GraphedStep(step)
    try:
        graphed.capture(batches, setup)
    except RuntimeError as error:
        if setup.config.graph is True:
            raise
        emit(
            ev.Notice(
                level="warning", text=f"steps run without a CUDA graph, which cannot be captured: {_reason(error)}"
            )
        )
        return step
    replayed = _time(graphed, batches, setup)
    figures = f"{replayed * 1000:.2f} ms a step against {seconds * 1000:.2f} ms"
    if setup.config.graph is True or replayed * _GAIN < seconds:
        emit(ev.Notice(level="info", text=f"steps run as a CUDA graph: {figures}"))
        return graphed
    emit(ev.Notice(level="info", text=f"steps run without a CUDA graph, which gains nothing: {figures}"))
    return step


def _reason(error: RuntimeError) -> str:
    """The first line of what PyTorch says, which may be followed by hundreds. What failed first is the cause: a capture
    that is spoilt fails once more at its end."""
    first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    return next(iter(str(first).splitlines()), type(first).__name__)


def _time(step: Stepper, batches: list[tuple[Tensor, Tensor]], setup: Setup) -> float:
    """Seconds that a step of the first phase takes, with the fastest of the batches.

    Steps of every phase are taken: kernels are chosen and compiled, and a graph is brought to the device, at the first.
    """
    seconds = [min(_time_batch(step, *batch, setup.device) for batch in batches) for _ in setup.each_phase()]
    return seconds[0]


def _time_batch(step: Stepper, inputs: Tensor, labels: Tensor, device: torch.device) -> float:
    """Seconds a step takes, after warming up."""
    for _ in range(WARM_UP_STEPS):
        step(inputs, labels)
    synchronize(device)
    started = time.perf_counter()
    for _ in range(_TIMED_STEPS):
        step(inputs, labels)
    synchronize(device)
    return (time.perf_counter() - started) / _TIMED_STEPS


@contextlib.contextmanager
def _undone(setup: Setup) -> Iterator[None]:
    """Put back, in place, whatever steps change: a captured graph goes on using the very same tensors."""
    model = {name: tensor.clone() for name, tensor in setup.model.state_dict().items()}
    state = {
        parameter: {key: value.clone() for key, value in values.items() if isinstance(value, Tensor)}
        for parameter, values in setup.optimizer.state.items()
    }
    yield
    setup.model.zero_grad(set_to_none=True)
    with torch.no_grad():
        for name, tensor in setup.model.state_dict().items():
            tensor.copy_(model[name])
        for parameter, values in setup.optimizer.state.items():
            before = state.get(parameter, {})
            for key, value in values.items():
                if isinstance(value, Tensor):  # what a first step has made starts at zero: moments, momentum, count
                    value.copy_(before[key]) if key in before else value.zero_()
