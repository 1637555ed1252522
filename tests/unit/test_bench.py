"""What the benchmark's figures are: ratios, shares of the machine's limits, our side's clock, the table."""

from __future__ import annotations

import os
import signal

import msgspec
import pytest
import torch

from core import events as ev
from core.bench.compare import endless, in_turn
from core.bench.figures import Benchmark, Comparison, Machine, Order, Ready, Reply, Sample
from core.bench.limits import bytes_per_image, copy_bytes_per_second, flops_per_image, matmul_flops_per_second
from core.bench.ours import OrderedReport
from core.bench.worker import Channel
from core.config import OptimizerConfig
from core.recipes import get_recipe
from tests.strategies import batches, epoch_ended, run_started
from tui.bench_command import print_table


def quiet(line: str) -> None:
    """Progress nobody reads."""


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    compared = Comparison(baseline=(100.0, 10.0, 100.0), ours=(200.0, 30.0, 400.0))
    assert compared.ratios == (2.0, 3.0, 4.0)
    assert compared.ratio == 3.0  # medians of the sides would say 2
    assert (compared.baseline_rate, compared.our_rate) == (100.0, 200.0)
    assert compared.unsteadiness == 2.0


def test_sides_take_turns_and_the_first_of_each_does_not_count() -> None:
    order: list[str] = []

    def measure(name: str, rate: float) -> Sample:
        order.append(name)
        return Sample(int(rate if len(order) > 2 else 1), 1.0)

    found = in_turn(2, lambda: measure("baseline", 10), lambda: measure("ours", 30), "test", quiet)
    assert order[2:] == ["baseline", "ours", "ours", "baseline"]
    assert found == Comparison((10.0, 10.0), (30.0, 30.0))


def test_shares_are_of_the_peak_of_the_precision_trained_in() -> None:
    machine = Machine(
        device="x", precision="bfloat16", threads=1, batch_size=1, num_parameters=1, flops_per_image=10.0,
        bytes_per_image=4.0, float32_flops_per_second=100.0, bfloat16_flops_per_second=400.0,
        copy_bytes_per_second=80.0,
    )  # fmt: skip
    assert machine.flops_share(20.0) == pytest.approx(0.5)
    assert machine.bytes_share(20.0) == pytest.approx(1.0)
    assert msgspec.structs.replace(machine, precision="float32").flops_share(20.0) == pytest.approx(2.0)


def layer(flops: int, shape: tuple[int, ...]) -> ev.Layer:
    return ev.Layer(name="x", kind="x", output_shape=shape, num_parameters=0, flops=flops, receptive_field=None)


def test_a_step_needs_three_forward_passes_of_flops() -> None:
    assert flops_per_image([layer(100, (1,)), layer(20, (1,))]) == 360


def test_a_step_moves_activations_for_each_image_and_parameters_once_a_batch() -> None:
    layers = [layer(0, (4, 5)), layer(0, (10,))]
    plain = bytes_per_image(layers, 8, OptimizerConfig(name="sgd"), batch_size=4, value_bytes=4)
    assert plain == 4 * 30 * 5 + 4 * 8 * 6 / 4
    momentum = OptimizerConfig(name="sgd", momentum=0.9)
    assert bytes_per_image(layers, 8, momentum, batch_size=4, value_bytes=4) - plain == 4 * 8 * 2 / 4
    adam = OptimizerConfig(name="adam")
    assert bytes_per_image(layers, 8, adam, batch_size=4, value_bytes=4) - plain == 4 * 8 * 4 / 4


def test_the_machine_is_measured() -> None:
    device = torch.device("cpu")
    assert 1e8 < matmul_flops_per_second(device, torch.float32, 0.0) < 1e14
    assert 1e7 < copy_bytes_per_second(device, 0.0) < 1e13


def figures(rates: tuple[float, ...], *, is_stand_in: bool = False) -> Benchmark:
    compared = Comparison(baseline=(100.0,) * len(rates), ours=rates)
    machine = Machine(
        device="A processor", precision="float32", threads=2, batch_size=100, num_parameters=1, flops_per_image=1e6,
        bytes_per_image=1e6, float32_flops_per_second=1e9, bfloat16_flops_per_second=3e9, copy_bytes_per_second=1e9,
    )  # fmt: skip
    return Benchmark(
        recipe="c10-lenet-fast", tutorial="c10-lenet", dataset="cifar10", is_stand_in=is_stand_in, training=compared,
        events=compared, pipeline=compared, machine=machine,
    )  # fmt: skip


def test_the_table_says_what_stands_beside_what(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(figures((400.0, 410.0, 420.0)))
    shown = capsys.readouterr().out
    assert "c10-lenet-fast on A processor, float32" in shown
    assert "batches of 100; cifar10" in shown
    (training,) = (line for line in shown.splitlines() if "tutorial-style loop of c10-lenet" in line)
    assert [cell.strip() for cell in training.split("│")[2:5]] == ["100 img/s", "410 img/s", "×4.10 (4.00–4.20)"]
    (computing,) = (line for line in shown.splitlines() if "computing" in line)
    assert [cell.strip() for cell in computing.split("│")[2:5]] == ["1 GFLOP/s", "0 GFLOP/s", "41.0%"]
    assert "far apart" not in shown
    assert "random" not in shown
    assert "Winograd" not in shown


def test_the_table_explains_more_than_the_peak(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(figures((1100.0, 1100.0, 1100.0)))
    assert "Winograd's convolutions multiply less" in capsys.readouterr().out


def test_the_table_warns_of_other_work_and_of_random_images(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(figures((100.0, 410.0, 420.0), is_stand_in=True))
    shown = capsys.readouterr().out
    assert "far apart" in shown
    assert "random images in the place of cifar10" in shown


class Orders(Channel):
    """A channel whose orders are known beforehand."""

    def __init__(self, *orders: Order) -> None:
        self.orders, self.replies = list(orders), list[Reply]()

    def order(self) -> Order | None:
        return self.orders.pop(0) if self.orders else None

    def send(self, reply: Reply) -> None:
        self.replies.append(reply)


def record(event: ev.Event) -> ev.Record:
    return ev.Record(seq=0, wall=0.0, mono=0.0, attempt=1, event=event)


def chunk(seconds: float) -> ev.Batches:
    return msgspec.structs.replace(batches(0, 4), num_images=40, seconds=seconds)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    numbers: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, number: numbers.append(number))
    return numbers


def started_on(device: str) -> ev.RunStarted:
    started = run_started()
    return msgspec.structs.replace(started, device=msgspec.structs.replace(started.device, name=device))


def test_steps_are_timed_by_the_trainers_clock_without_the_rest_before_them(killed: list[int]) -> None:
    channel = Orders(Order("steps", 1.0), Order("steps", 0.1))
    report = OrderedReport(channel, whole_epochs=False)
    report(record(started_on("cpu")))
    report(record(chunk(9.0)))  # the first of all: ready
    assert channel.replies == [Ready()]
    for seconds in (100.0, 0.5, 0.5):  # the rest is in the first of them
        report(record(chunk(seconds)))
    assert channel.replies[1:] == [Sample(80, 1.0)]
    for seconds in (100.0, 0.25):
        report(record(chunk(seconds)))
    assert channel.replies[2:] == [Sample(40, 0.25)]
    assert killed == [signal.SIGINT]  # no order is left
    report(record(chunk(0.5)))
    assert len(channel.replies) == 3


def test_on_a_gpu_chunks_that_were_under_way_do_not_count(killed: list[int]) -> None:
    channel = Orders(Order("steps", 1.0))
    report = OrderedReport(channel, whole_epochs=False)
    report(record(started_on("cuda:0")))
    for seconds in (9.0, 100.0, 9.0, 9.0, 2.0):
        report(record(chunk(seconds)))
    assert channel.replies == [Ready(), Sample(40, 2.0)]


def test_an_epoch_counts_from_the_end_of_the_one_before(killed: list[int]) -> None:
    channel = Orders(Order("epoch", 0.0))
    report = OrderedReport(channel, whole_epochs=True)
    for event in (started_on("cpu"), chunk(1.0), epoch_ended(1, 4)):
        report(record(event))
    assert channel.replies == [Ready()]
    for event in (chunk(1.0), chunk(1.0), epoch_ended(2, 8)):
        report(record(event))
    sample = channel.replies[1]
    assert isinstance(sample, Sample)
    assert sample.images == 80


def test_a_training_that_fails_is_a_reply(killed: list[int]) -> None:
    channel = Orders()
    report = OrderedReport(channel, whole_epochs=False)
    report(record(ev.RunEnded(status="diverged", step=1, epoch=0, reason="the loss became nan", exit_code=3)))
    (reply,) = channel.replies
    assert "the loss became nan" in str(reply)


def test_a_training_to_be_measured_has_no_end_and_keeps_its_network() -> None:
    config = msgspec.structs.replace(get_recipe("c10-lenet").config, max_steps=5)
    found = endless(config)
    assert found.max_steps is None
    assert found.epochs > 1000
    assert found.compile is False, "so many epochs would make a compilation pay that the run itself never makes"
    assert (found.model, found.data.augment) == (config.model, config.data.augment)
