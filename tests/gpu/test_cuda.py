"""What holds on a GPU: no step waits for the host, graphs change nothing, and a resumed run is the same run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from msgspec.structs import replace

from core import events as ev
from core.attempt import attempt
from core.config import DataConfig, TrainConfig
from core.control import Command, send
from core.data import pipeline
from core.data.packed import words_of
from core.data.randomness import stream_seed
from core.device import seed_device
from core.meter import CHUNK_SECONDS, Meter
from core.optim.factory import set_hyperparameters
from core.pulse import Pulse
from core.reader import read_all
from core.recipes import get_recipe
from core.recorder import Recorder
from core.runfolder import Manifest, RunFolder
from core.session import Request
from core.setup import Setup, set_up
from core.signals import Signals
from core.step import GraphedStep, Step
from core.warmup import warm_up
from tests.training import assert_identical, final_state, history, image_folder, preempt_at, tiny, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
RECIPES = ["c10-lenet", "c100-cnn", "c100-resnet26-sgd", "c10-speedrun", "c10-96"]
CLIPPED = {"clip_value": 1e-3, "clip_norm": 1e-2}
STEPS = 12


def setup_of(recipe: str, **changes: Any) -> Setup:
    config = get_recipe(recipe).config
    data: DataConfig = config.data
    data = replace(data, dataset="shapes", batch_size=256, normalize="train")
    return set_up(replace(config, data=data, device="cuda", **changes), lambda event: None)


def run(setup: Setup, step: Any, count: int = STEPS) -> list[torch.Tensor]:
    lr = setup.config.optimizer.lr
    for index in range(count):
        setup.enter_phase(index / count)
        seed_device(setup.device, index)
        set_hyperparameters(setup.optimizer, lr=lr / (1 + index))  # one frozen into a graph would show
        step(*setup.train_data.batch(1, index))
    torch.cuda.synchronize()
    return [tensor.clone() for tensor in setup.model.state_dict().values()]


@pytest.fixture
def deterministic() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_no_step_waits_for_the_host(recipe: str, graph: bool) -> None:
    setup = setup_of(recipe, graph=graph)
    step = warm_up(Step(setup), setup, 1000, lambda event: None)
    meter = Meter(setup.device)
    meter.start()
    try:
        torch.cuda.set_sync_debug_mode("error")
        for index in range(STEPS):
            setup.enter_phase(index / STEPS)
            seed_device(setup.device, stream_seed(0, "step", index))
            set_hyperparameters(setup.optimizer, lr=setup.config.optimizer.lr / (1 + index))
            with meter.preparing():  # of an epoch that warming up has not seen: order and augmentation are made here
                inputs, labels = setup.train_data.batch(2, index)
            meter.record(index, step(inputs, labels), lr=0.1, num_images=len(labels))
            meter.take(1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    (chunk,) = meter.flush(1)[-1:]
    assert all(0 < loss < 20 for loss in chunk.loss)
    assert 0 < chunk.data_seconds < chunk.seconds


def test_metrics_come_to_the_host_a_few_times_a_second_and_not_every_step() -> None:
    setup = setup_of("c10-lenet")
    step = warm_up(Step(setup), setup, 1000, lambda event: None)
    meter = Meter(setup.device)
    meter.start()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA], acc_events=True) as profile:
        for index in range(20):
            inputs, labels = setup.train_data.batch(1, index)
            meter.record(index, step(inputs, labels), lr=0.1, num_images=len(labels))
            meter.take(1)
        meter.flush(1)
        torch.cuda.synchronize()
    copies = [event for event in profile.events() or [] if "Memcpy DtoH" in event.name]
    assert 1 <= len(copies) <= 3  # chunks of 16 steps until the pace is known


@pytest.mark.parametrize(
    ("recipe", "clipping"),
    [
        *(pytest.param(recipe, {}, id=recipe) for recipe in RECIPES),
        pytest.param("c100-resnet26-sgd", CLIPPED, id="clipped by value and norm"),
    ],
)
@pytest.mark.usefixtures("deterministic")
def test_a_graph_takes_the_same_steps(recipe: str, clipping: dict[str, float]) -> None:
    weights = []
    for graph in (False, True):
        optimizer = replace(get_recipe(recipe).config.optimizer, **clipping)
        setup = setup_of(recipe, graph=graph, deterministic=True, optimizer=optimizer)
        step = warm_up(Step(setup), setup, 1000, lambda event: None)
        if graph:
            assert isinstance(step, GraphedStep)
            inputs = setup.train_data.batch(1, 0)[0]
            assert {phase for shape, phase in step._captured if shape == inputs.shape} == set(setup.phases)
        else:
            assert isinstance(step, Step)
        weights.append(run(setup, step))
    for plain, graphed in zip(*weights, strict=True):
        torch.testing.assert_close(plain, graphed, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("recipe", ["c10-speedrun", "c10-96"])  # without dropout, which compiled draws otherwise
@pytest.mark.filterwarnings("default")  # PyTorch 2.11's compiler imports what that version has deprecated
def test_a_compiled_network_takes_the_same_first_step(recipe: str) -> None:
    losses, gradients = [], []
    for compiled in (False, True):
        setup = setup_of(recipe, compile=compiled, graph=False)
        told: list[ev.Event] = []
        step = warm_up(Step(setup), setup, 1000, told.append)
        assert any("is compiled: " in event.text for event in told if isinstance(event, ev.Notice)) is compiled
        losses.append(step(*setup.train_data.batch(1, 0))[0].item())
        gradients.append({name: one.grad for name, one in setup.model.named_parameters() if one.grad is not None})
    # The first loss is about ln 10 whatever the network does; the gradients are not.
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    plain, fused = gradients
    assert plain.keys() == fused.keys()
    for name, gradient in plain.items():
        assert F.cosine_similarity(gradient.flatten(), fused[name].flatten(), dim=0) > 0.98, name
        assert gradient.norm().item() == pytest.approx(fused[name].norm().item(), rel=0.05), name


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.filterwarnings("default")  # as above
def test_a_compiled_network_learns_its_first_bias_in_the_first_phase_alone(graph: bool) -> None:
    setup = setup_of("c10-speedrun", compile=True, graph=graph)
    step = warm_up(Step(setup), setup, 1000, lambda event: None)
    moved = []
    for phase in (*setup.phases, *setup.phases):
        setup.enter_phase(phase)
        before = setup.model.get_parameter("whiten.bias").clone()
        step(*setup.train_data.batch(1, 0))
        moved.append(not torch.equal(before, setup.model.get_parameter("whiten.bias")))
    assert moved == [True, False, True, False]


@pytest.mark.parametrize("recipe", ["c10-lenet", "c10-speedrun", "c10-96"])
def test_packed_images_give_the_same_batches(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    for devices in ((), ("cuda",)):
        monkeypatch.setattr(pipeline, "_PACKED_DEVICES", devices)
        data = setup_of(recipe).train_data
        assert (words_of(data._split.images) is not None) is bool(devices)
        batches.append([data.batch(2, index) for index in (0, 3)])
    for (plain, labels), (packed, packed_labels) in zip(*batches, strict=True):
        assert torch.equal(plain, packed)
        assert packed.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(labels, packed_labels)


@pytest.mark.usefixtures("deterministic")
def test_warming_up_leaves_nothing_behind() -> None:
    weights = []
    for warm in (False, True):
        setup = setup_of("c10-speedrun", graph=False, deterministic=True)
        if warm:
            warm_up(Step(setup), setup, 1000, lambda event: None)
        weights.append(run(setup, Step(setup)))
    assert all(torch.equal(cold, warm) for cold, warm in zip(*weights, strict=True))


@pytest.mark.parametrize("recipe", RECIPES)
def test_capturing_leaves_nothing_behind(recipe: str) -> None:
    setup = setup_of(recipe, graph=True)
    before = {name: tensor.clone() for name, tensor in setup.model.state_dict().items()}
    assert isinstance(warm_up(Step(setup), setup, 1000, lambda event: None), GraphedStep)
    assert setup.phase == 0
    for name, tensor in setup.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    moments = [tensor for values in setup.optimizer.state.values() for tensor in values.values()]
    assert moments
    assert not any(bool(tensor.any()) for tensor in moments)  # as before the first step


def test_changing_momentum_is_the_reason_for_no_graph() -> None:
    setup = setup_of("c100super-resnet9")
    told: list[ev.Event] = []
    assert isinstance(warm_up(Step(setup), setup, 1000, told.append), Step)
    assert any(isinstance(event, ev.Notice) and "momentum changes" in event.text for event in told)


@pytest.mark.parametrize("recipe", ["c10-lenet", "c10-speedrun"])
@pytest.mark.usefixtures("deterministic")
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.meter.CHUNK_SECONDS", 0.0)  # every step is told of, and not first an epoch's end
    config = tiny(image_folder(tmp_path / "images"), recipe, device="cuda", deterministic=True)
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    train(whole, config)
    ended = train(cut, config, watch=preempt_at(8))
    assert ended.status == "preempted"
    assert ended.step in (8, 9)  # within the second epoch: a chunk arrives at the next step at the latest
    train(cut, config, resume="last")
    assert_identical(final_state(whole), final_state(cut))
    assert history(whole) == history(cut)


def test_steering_works_within_200_ms_under_a_graph(tmp_path: Path) -> None:
    config: TrainConfig = setup_of("c10-speedrun").config
    config = replace(config, epochs=200, graph=True)
    folder = RunFolder(tmp_path / "run")
    folder.control.mkdir(parents=True)
    asked: list[float] = []
    seen: list[int] = []
    answered: list[float] = []

    def watch(record: ev.Record) -> None:
        if isinstance(record.event, ev.Batches) and record.event.first_step > 50 and not asked:
            seen.append(record.event.first_step)
            asked.append(time.monotonic())
            send(folder.control, Command(name="stop"))
        if isinstance(record.event, ev.CommandHandled) and record.event.status == "done":
            answered.append(time.monotonic())

    recorder = Recorder(folder.events_file, attempt=1, next_seq=0)
    recorder.subscribe(watch)
    manifest = Manifest(id="run", recipe=config.recipe, created=0.0, config={})
    folder.write_manifest(manifest)
    pulse = Pulse(recorder.emit, recorder.sync)
    try:
        attempt(Request(config=config, runs_dir=tmp_path), folder, manifest, recorder, Signals(), pulse)
    finally:
        pulse.stop()
        recorder.close()
    assert answered
    # Not a limit on time, which would depend on what else runs: the steps that were still trained after the question.
    chunks = [record.event for record in read_all(folder.events_file) if isinstance(record.event, ev.Batches)]
    trained_after = sum(chunk.seconds for chunk in chunks if chunk.first_step > seen[0])
    assert trained_after < 5 * CHUNK_SECONDS
    sys.stderr.write(f"a stop was answered after {(answered[0] - asked[0]) * 1000:.0f} ms\n")
