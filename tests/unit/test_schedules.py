"""Schedules: pure functions of the step, equal to PyTorch's where it has them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR, ReduceLROnPlateau

from core.config import Constant, Cosine, MultiStep, OneCycle, OptimizerConfig, Plateau, Schedule, Triangular
from core.events import LrPlan
from core.optim.schedules import PlateauState, lr_factor, momentum_at, plan
from core.plan import Plan
from core.progress import Progress
from core.recipes import get_recipe


def parameters() -> Iterator[nn.Parameter]:
    return iter([nn.Parameter(torch.zeros(1))])


def torch_rates(scheduler: LRScheduler, num_steps: int) -> list[float]:
    """The learning rates with which PyTorch would take each of the steps."""
    rates = []
    for _ in range(num_steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def rates(schedule: Schedule, lr: float, num_steps: int, steps_per_epoch: int = 10) -> list[float]:
    return [lr * lr_factor(schedule, step, num_steps, steps_per_epoch) for step in range(num_steps)]


def test_a_constant_rate_is_the_same_throughout() -> None:
    assert rates(Constant(), 0.3, 25) == [0.3] * 25


@pytest.mark.parametrize(
    ("num_steps", "rise"),
    [
        (num_steps, rise)
        for num_steps in (2, 3, 7, 100, 391, 1000)
        for rise in (0.0, 0.25, 0.3, 0.5, 1.0)
        if num_steps * rise != 1  # PyTorch divides by zero
    ],
)
def test_one_cycle_is_pytorchs_step_for_step(num_steps: int, rise: float) -> None:
    schedule = OneCycle(rise=rise, start_divisor=20.0, end_divisor=500.0, momentum=(0.8, 0.97))
    optimizer = torch.optim.SGD(parameters(), lr=1.0, momentum=0.9)
    scheduler = OneCycleLR(
        optimizer,
        max_lr=0.7,
        total_steps=num_steps,
        pct_start=rise,
        div_factor=20.0,
        final_div_factor=500.0,
        base_momentum=0.8,
        max_momentum=0.97,
    )
    for step in range(num_steps):
        group = optimizer.param_groups[0]
        assert 0.7 * lr_factor(schedule, step, num_steps, 10) == pytest.approx(group["lr"], rel=1e-9, abs=1e-15)
        assert momentum_at(schedule, step, num_steps) == pytest.approx(group["momentum"], rel=1e-12)
        optimizer.step()
        if step + 1 < num_steps:
            scheduler.step()


def test_one_cycle_with_its_defaults_is_pytorchs_with_its_defaults() -> None:
    optimizer = torch.optim.Adam(parameters(), lr=1.0)
    scheduler = OneCycleLR(optimizer, max_lr=0.01, total_steps=60)
    for step in range(60):
        group = optimizer.param_groups[0]
        assert 0.01 * lr_factor(OneCycle(), step, 60, 1) == pytest.approx(group["lr"], rel=1e-9)
        assert momentum_at(OneCycle(), step, 60) == pytest.approx(group["betas"][0], rel=1e-12)
        optimizer.step()
        if step < 59:
            scheduler.step()


def test_one_cycle_ends_each_epoch_of_c100super_resnet9_at_the_published_rate() -> None:
    config = get_recipe("c100super-resnet9").config
    last_rates = [
        config.optimizer.lr * lr_factor(config.schedule, epoch * 782 - 1, 8 * 782, 782) for epoch in range(1, 9)
    ]
    published = ["0.00395", "0.00936", "0.00972", "0.00812", "0.00556", "0.00283", "0.00077", "0.00000"]
    assert [f"{rate:.5f}" for rate in last_rates] == published


@pytest.mark.parametrize(("rise", "num_steps"), [(0.5, 2), (0.25, 4), (1.0, 1)])
def test_one_cycle_whose_peak_is_the_first_step_starts_there(rise: float, num_steps: int) -> None:
    assert lr_factor(OneCycle(rise=rise), 0, num_steps, 1) == 1.0
    assert momentum_at(OneCycle(rise=rise), 0, num_steps) == 0.85


@pytest.mark.parametrize(
    "schedule", [OneCycle(momentum=None), Constant(), MultiStep(epochs=(1,)), Triangular(), Cosine(), Plateau()]
)
def test_other_schedules_leave_the_momentum_alone(schedule: Schedule) -> None:
    assert momentum_at(schedule, 3, 10) is None


def test_multi_step_is_pytorchs_stepped_after_each_epoch() -> None:
    schedule = MultiStep(epochs=(2, 3, 7), factor=0.3)
    scheduler = MultiStepLR(torch.optim.SGD(parameters(), lr=0.1), milestones=[2, 3, 7], gamma=0.3)
    by_epoch = torch_rates(scheduler, 9)
    expected = [rate for rate in by_epoch for _ in range(10)]
    assert rates(schedule, 0.1, 90) == pytest.approx(expected, rel=1e-12)


def test_the_adam_runs_drop_their_rate_once_when_epoch_25_has_ended() -> None:
    schedule = get_recipe("c100-resnet26-adam").config.schedule
    factors = [lr_factor(schedule, step, 40 * 500, 500) for step in (0, 12_499, 12_500, 19_999)]
    assert factors == [1.0, 1.0, 0.1, 0.1]


def test_a_cosine_without_warm_up_is_pytorchs() -> None:
    scheduler = CosineAnnealingLR(torch.optim.SGD(parameters(), lr=0.4), T_max=50, eta_min=0.04)
    assert rates(Cosine(end=0.1), 0.4, 50) == pytest.approx(torch_rates(scheduler, 50), rel=1e-9)


def test_a_cosine_warms_up_in_a_straight_line() -> None:
    factors = rates(Cosine(warmup=0.1), 1.0, 100)
    assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert factors[10] == 1.0
    assert factors[55] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))


def test_a_cosine_may_be_nothing_but_warm_up() -> None:
    assert rates(Cosine(warmup=1.0), 1.0, 4) == [0.25, 0.5, 0.75, 1.0]


def test_a_triangle_rises_and_falls_in_straight_lines() -> None:
    schedule = Triangular(rise=0.25, start=0.2, end=0.1)
    expected = np.interp(np.arange(40), [0, 10, 40], [0.2, 1.0, 0.1])
    assert rates(schedule, 1.0, 40) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("rise", [0.0, 1.0])
def test_a_triangle_may_have_one_side(rise: float) -> None:
    schedule = Triangular(rise=rise, start=0.0, end=0.0)
    expected = [step / 4 if rise else 1 - step / 4 for step in range(4)]
    assert rates(schedule, 1.0, 4) == pytest.approx(expected)


SCHEDULES: list[Schedule] = [
    Constant(),
    MultiStep(epochs=(1, 3, 4), factor=0.2),
    OneCycle(),
    OneCycle(rise=0.0),
    OneCycle(rise=1.0),
    Triangular(),
    Triangular(rise=0.23),
    Triangular(rise=0.0),
    Triangular(rise=1.0),
    Cosine(),
    Cosine(warmup=0.1, end=0.01),
    Cosine(warmup=1.0),
    Plateau(),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_step_past_the_end_gets_the_last_rate(schedule: Schedule) -> None:
    assert lr_factor(schedule, 1000, 50, 10) == lr_factor(schedule, 49, 50, 10)
    assert momentum_at(schedule, 1000, 50) == momentum_at(schedule, 49, 50)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 5, 17])
def test_runs_of_a_few_steps_have_rates(schedule: Schedule, num_steps: int) -> None:
    assert all(0.0 <= rate <= 1.0 for rate in rates(schedule, 1.0, num_steps, 2))
    points = plan(schedule, 1.0, num_steps=num_steps, steps_per_epoch=2)
    assert (points.steps[0], points.steps[-1]) == (0, num_steps - 1)


def drawn(points: LrPlan, steps: range) -> list[float]:
    """The polyline at whole steps; at a jump the new rate counts."""
    return [float(rate) for rate in np.interp(np.arange(steps.start, steps.stop) + 1e-9, points.steps, points.lr)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize("steps_per_epoch", [1, 7, 400, 50_000])
@pytest.mark.parametrize("first_step", [0, 3])
def test_the_plan_runs_through_the_rates_of_the_steps(
    schedule: Schedule, steps_per_epoch: int, first_step: int
) -> None:
    num_steps = 5 * steps_per_epoch
    points = plan(schedule, 0.4, num_steps=num_steps, steps_per_epoch=steps_per_epoch, first_step=first_step, scale=0.5)
    assert len(points.steps) == len(points.lr) <= 600
    assert all(one <= other for one, other in itertools.pairwise(points.steps))

    def rate(step: int) -> float:
        return 0.2 * lr_factor(schedule, step, num_steps, steps_per_epoch)

    assert (points.steps[0], points.steps[-1]) == (first_step, num_steps - 1)
    assert (points.lr[0], points.lr[-1]) == pytest.approx((rate(first_step), rate(num_steps - 1)), rel=1e-15)
    stride = max(1, num_steps // 3000)
    steps = range(first_step, num_steps - 1)
    # The points of a curve are at most 1/500 of the run apart: the chord of a half cosine is off by under 1e-4 there.
    expected = [rate(step) for step in steps[::stride]]
    assert drawn(points, steps)[::stride] == pytest.approx(expected, abs=0.2 * 1e-4)


def test_a_jump_is_drawn_with_both_its_sides() -> None:
    points = plan(MultiStep(epochs=(1, 3), factor=0.5), 0.8, num_steps=40, steps_per_epoch=10)
    assert points == LrPlan(steps=[0, 10, 10, 30, 30, 39], lr=[0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_a_jump_at_the_last_step_is_drawn() -> None:
    points = plan(MultiStep(epochs=(2,), factor=0.5), 0.8, num_steps=3, steps_per_epoch=1)
    assert points == LrPlan(steps=[0, 2, 2], lr=[0.8, 0.8, 0.4])


def test_jumps_before_the_first_step_or_after_the_last_are_not_drawn() -> None:
    points = plan(MultiStep(epochs=(1, 9), factor=0.5), 0.8, num_steps=40, steps_per_epoch=10, first_step=10)
    assert points == LrPlan(steps=[10, 39], lr=[0.4, 0.4])


def test_a_plan_that_begins_past_the_end_is_its_last_point() -> None:
    assert plan(Constant(), 0.5, num_steps=10, steps_per_epoch=5, first_step=10) == LrPlan(steps=[9], lr=[0.5])


LOSSES = [
    2.0, 1.5, 1.49999, 1.6, 1.4, 1.39999, 1.4, 1.5, 1.4, math.nan, 1.2, 1.3, 1.3, 1.3, 1.3, math.inf, 0.5, 0.6,
    0.01, 0.00995, 0.01,
]  # fmt: skip


@pytest.mark.parametrize("patience", [0, 1, 2, 5])
def test_a_plateau_is_found_when_pytorch_finds_it(patience: int) -> None:
    schedule = Plateau(factor=0.5, patience=patience, threshold=1e-3)
    optimizer = torch.optim.SGD(parameters(), lr=0.1)
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="min",
        factor=0.5,
        patience=patience,
        threshold=1e-3,
        threshold_mode="rel",
        eps=0.0,  # by default PyTorch stops at changes under 1e-8, which we do not
    )
    state = PlateauState()
    for loss in LOSSES * 2:
        scheduler.step(loss)
        state = state.update(schedule, loss)
        assert 0.1 * state.factor == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        assert state.best == scheduler.best
        assert state.bad_epochs == scheduler.num_bad_epochs
    assert state.factor < 1.0


def test_the_state_of_a_plateau_survives_a_checkpoint() -> None:
    state = PlateauState().update(Plateau(), 1.25).update(Plateau(patience=0), 1.5)
    assert state == PlateauState(best=1.25, bad_epochs=0, factor=0.1)
    assert msgspec.convert(msgspec.to_builtins(state), PlateauState) == state
    assert msgspec.convert(msgspec.to_builtins(PlateauState()), PlateauState) == PlateauState()


@pytest.mark.parametrize(
    ("schedule", "expected"), [(Plateau(), 0.001), (Constant(), 0.01)], ids=["plateau", "constant"]
)
def test_what_is_planned_is_what_steps_get_also_of_a_fork_that_left_its_plateau(
    schedule: Schedule, expected: float
) -> None:
    config = msgspec.structs.replace(
        get_recipe("c100-resnet26-sgd").config, schedule=schedule, optimizer=OptimizerConfig(lr=0.01)
    )
    planned = Plan(config, 10, Progress(num_epochs=2, step=10, plateau=PlateauState(factor=0.1)))
    assert planned.lr_plan().lr == [planned.learning_rate(10), planned.learning_rate(19)]
    assert planned.learning_rate(10) == pytest.approx(expected)


@pytest.mark.parametrize(("part", "num_small"), [(0.5, 10), (0.26, 6), (0.0, 0), (1.0, 20)])
def test_so_large_a_part_of_the_steps_has_small_images(part: float, num_small: int) -> None:
    config = get_recipe("c10-cpu").config
    config = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, low_part=part))
    planned = Plan(config, 10, Progress(num_epochs=2))
    assert [planned.image_size(step) for step in range(20)] == [24] * num_small + [None] * (20 - num_small)
