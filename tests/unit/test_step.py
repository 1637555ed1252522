"""A step and its warming up, which leaves nothing behind."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from core import events as ev
from core.config import DataConfig, ModelConfig, OptimizerConfig, RandomCrop, TrainConfig
from core.progress import Progress, capture, restore
from core.setup import Setup, set_up
from core.step import GraphedStep, Step
from core.warmup import _try_compiling, warm_up

SPEEDNET = ModelConfig(name="speednet", args={"width1": 8, "width2": 8, "width3": 8})
MUON = OptimizerConfig(name="muon", lr=0.1, momentum=0.6, linear_lr=10.0, bias_lr=1.0)
ADAM = OptimizerConfig(name="adam", lr=1e-3)
SGD = OptimizerConfig(name="sgd", lr=0.05, momentum=0.9)


@pytest.fixture(autouse=True)
def setting_up_and_warming_up_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.setup._WHITENING_IMAGES", 100)
    monkeypatch.setattr("core.warmup._TIMED_STEPS", 2)


def setup_of(optimizer: OptimizerConfig, **changes: Any) -> Setup:
    config = TrainConfig(
        recipe="test",
        epochs=1,
        data=DataConfig(dataset="shapes", batch_size=64, augment=(RandomCrop(padding=2),), low_size=24),
        optimizer=optimizer,
        **{"model": SPEEDNET, "device": "cpu", "precision": "float32"} | changes,
    )
    return set_up(config, lambda event: None)


def numbers(setup: Setup) -> list[torch.Tensor]:
    tensors = [*setup.model.state_dict().values()]
    for values in setup.optimizer.state.values():
        tensors += [value for value in values.values() if isinstance(value, torch.Tensor)]
    return [tensor.detach().clone() for tensor in tensors]


def train(setup: Setup, step: Step, count: int) -> None:
    for index in range(count):
        step(*setup.train_data.batch(1, index))


@pytest.mark.parametrize("smoothing", [0.0, 0.2], ids=["plain labels", "smoothed labels"])
def test_the_measures_are_those_of_the_batch_before_the_update(smoothing: float) -> None:
    setup = setup_of(replace(SGD, label_smoothing=smoothing))
    inputs, labels = setup.train_data.batch(1, 0)
    twin = copy.deepcopy(setup.model)
    loss_told, correct, norm = Step(setup)(inputs, labels)
    logits = twin(inputs)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in twin.parameters() if parameter.grad is not None]
    torch.testing.assert_close(loss_told, loss.detach())
    assert int(correct) == int((logits.argmax(1) == labels).sum())
    torch.testing.assert_close(norm, torch.cat([one.flatten() for one in gradients]).norm())


def test_the_loss_is_computed_in_float32_whatever_the_precision() -> None:
    setup = setup_of(SGD, precision="bfloat16")
    loss = Step(setup).gradients(*setup.train_data.batch(1, 0))[0]
    assert loss.dtype is torch.float32
    assert loss.bfloat16().float() != loss  # more digits than bfloat16 has


@pytest.mark.parametrize("clip_value", [None, 1e-3], ids=["by norm alone", "by value first"])
def test_a_clipped_gradient_has_the_norm_asked_for(clip_value: float | None) -> None:
    setup = setup_of(replace(SGD, clip_value=clip_value, clip_norm=0.01))
    step = Step(setup)
    before = step.gradients(*setup.train_data.batch(1, 0))[2]
    assert before > 0.01
    torch.testing.assert_close(step.gradient_norm(), torch.tensor(0.01), rtol=1e-3, atol=0)


@pytest.mark.parametrize("optimizer", [MUON, ADAM, SGD], ids=lambda config: config.name)
@pytest.mark.parametrize("num_steps_before", [0, 3])
def test_warming_up_leaves_nothing_behind(optimizer: OptimizerConfig, num_steps_before: int) -> None:
    def trained(*, warm: bool) -> list[torch.Tensor]:
        setup = setup_of(optimizer)
        step = Step(setup)
        train(setup, step, num_steps_before)
        if warm:
            chosen = warm_up(step, setup, 100, lambda event: None)
            assert chosen is step
            assert setup.model.training
        train(setup, step, 4)
        return numbers(setup)

    cold, warm = trained(warm=False), trained(warm=True)
    assert len(cold) == len(warm)
    assert all(torch.equal(a, b) for a, b in zip(cold, warm, strict=True))


def test_going_back_uses_the_tensors_that_a_captured_graph_uses() -> None:
    setup = setup_of(ADAM)
    step = Step(setup)
    train(setup, step, 2)
    saved = copy.deepcopy(capture(Progress(num_epochs=1), setup))
    before = numbers(setup)
    addresses = [value.data_ptr() for values in setup.optimizer.state.values() for value in values.values()]
    train(setup, step, 2)
    restore(saved, setup)
    assert all(torch.equal(a, b) for a, b in zip(before, numbers(setup), strict=True))
    assert addresses == [value.data_ptr() for values in setup.optimizer.state.values() for value in values.values()]


@pytest.mark.parametrize(("asked", "sizes"), [(None, [125] * 16), (1500, [1500, 500])])
def test_validation_comes_in_small_batches_on_a_cpu_unless_asked_otherwise(asked: int | None, sizes: list[int]) -> None:
    setup = setup_of(SGD)
    setup.config = replace(setup.config, data=replace(setup.config.data, evaluation_batch_size=asked))
    assert [len(labels) for _, labels in setup.validation_batches()] == sizes


def test_a_shape_without_a_graph_is_run_as_it_is() -> None:
    setup = setup_of(SGD)
    before = numbers(setup)
    GraphedStep(Step(setup))(*setup.train_data.batch(1, 0))
    assert any(not torch.equal(a, b) for a, b in zip(before, numbers(setup), strict=False))


def test_compiling_is_told_of_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    called: list[torch.Size] = []

    def compile(model: torch.nn.Module, *, dynamic: bool) -> Any:
        compiled.append(model)
        assert not dynamic

        def call(inputs: torch.Tensor) -> Any:
            called.append(inputs.shape)
            return model(inputs)

        return call

    monkeypatch.setattr(torch, "compile", compile)
    setup = setup_of(SGD, compile=True)
    told: list[ev.Event] = []
    warm_up(Step(setup), setup, 100, told.append)
    assert compiled == [setup.model]
    (notice,) = told
    assert isinstance(notice, ev.Notice)
    assert "the network is compiled: " in notice.text
    assert "ms a step against" in notice.text
    inputs = setup.train_data.batch(1, 0)[0]
    assert inputs.shape in called
    called.clear()
    setup.compiled(inputs[:1])  # an epoch's last batch is none that was compiled for
    assert not called


def in_two_phases(**changes: Any) -> Setup:
    return setup_of(SGD, model=replace(SPEEDNET, args=SPEEDNET.args | {"bias_part": 0.25}), **changes)


def has_gradient(setup: Setup) -> bool:
    return setup.model.get_parameter("whiten.bias").grad is not None


def test_a_graph_is_of_one_phase() -> None:
    setup = in_two_phases()
    step, inputs = Step(setup), setup.train_data.batch(1, 0)[0]
    keys = []
    for part in (0.0, 0.2, 0.25, 0.9):
        setup.enter_phase(part)
        keys.append(step.key(inputs))
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert step.key(inputs[:1]) != keys[3]


def test_small_images_are_warmed_up_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[list[torch.Size]] = []

    def choose(step: Step, setup: Setup, batches: list[Any], *rest: Any) -> Step:
        tried.append([inputs.shape for inputs, _ in batches])
        return step

    monkeypatch.setattr("core.warmup._choose", choose)
    setup = setup_of(SGD)
    for size in (24, 32, 64):
        setup.config = replace(setup.config, data=replace(setup.config.data, low_size=size))
        warm_up(Step(setup), setup, 100, lambda event: None)
    assert [len(shapes) for shapes in tried] == [2, 1, 1]


def test_every_phase_is_compiled_for_and_the_first_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def compile(model: torch.nn.Module, *, dynamic: bool) -> Any:
        def call(inputs: torch.Tensor) -> Any:
            seen.append(setup.phase == 0)
            return model(inputs)

        return call

    monkeypatch.setattr(torch, "compile", compile)
    setup = in_two_phases(compile=True)
    step = Step(setup)
    warm_up(step, setup, 100, lambda event: None)
    assert set(seen) == {False, True}
    assert setup.phase == 0
    step(*setup.train_data.batch(1, 0))
    assert has_gradient(setup)
    setup.enter_phase(0.25)
    step(*setup.train_data.batch(1, 0))
    assert not has_gradient(setup)


def test_a_compiled_network_follows_its_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    # Traced with its gradients as for a GPU, which then decide what learns, and spared the compiler.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr("core.warmup._TIMED_STEPS", 1)
    setup = in_two_phases(compile=True)
    step = Step(setup)
    warm_up(step, setup, 100, lambda event: None)
    learns = []
    for part in (0.0, 0.25, 0.0):
        setup.enter_phase(part)
        step(*setup.train_data.batch(1, 0))
        learns.append(has_gradient(setup))
    assert learns == [True, False, True]


def test_parameters_that_stay_do_not_gather_gradients() -> None:
    setup = setup_of(replace(MUON, linear_lr=0.0))
    step, batch = Step(setup), setup.train_data.batch(1, 0)
    norms = [step.gradients(*batch)[2] for _ in range(2)]
    torch.testing.assert_close(*norms)


def test_a_network_that_cannot_be_compiled_trains_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: torch.nn.Module, *, dynamic: bool) -> Any:
        def call(*inputs: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("Failed to find C compiler\nand much more")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    setup, told = setup_of(SGD, compile="auto"), list[ev.Event]()
    batch = setup.train_data.batch(1, 0)
    assert _try_compiling(Step(setup), setup, [batch], 0.5, told.append) == 0.5
    assert setup.compiled is setup.model
    (notice,) = told
    assert isinstance(notice, ev.Notice)
    assert notice.level == "warning"
    assert notice.text.endswith("fails here: Failed to find C compiler")
    wanted = setup_of(SGD, compile=True)
    with pytest.raises(RuntimeError, match="C compiler"):
        _try_compiling(Step(wanted), wanted, [batch], 0.5, told.append)


@pytest.mark.parametrize(
    ("wanted", "seconds", "is_compiled"),
    [("auto", 0.0, False), ("auto", 1e9, True), (True, 0.0, True)],
    ids=["no gain", "a gain", "no gain but asked for"],
)
def test_a_network_is_compiled_where_that_gains_something_or_somebody_has_asked(
    wanted: Any, seconds: float, is_compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", lambda model, dynamic: model)
    setup, told = setup_of(SGD, compile=wanted), list[ev.Event]()
    chosen = _try_compiling(Step(setup), setup, [setup.train_data.batch(1, 0)], seconds, told.append)
    assert (setup.compiled is not setup.model) is is_compiled
    assert (chosen != seconds) is is_compiled
    assert "is compiled" in str(told) if is_compiled else "is not compiled" in str(told)
