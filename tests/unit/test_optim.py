"""Optimisers from their configuration."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from core.config import OptimizerConfig
from core.errors import UsageError
from core.optim.factory import build_optimizer, set_hyperparameters

CPU = torch.device("cpu")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    # No bias before batch norm: its gradient is rounding noise, which Adam would scale up to whole steps.
    return nn.Sequential(nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, num_steps: int = 5) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(num_steps):
        loss = nn.functional.cross_entropy(
            model(torch.randn(8, 6, generator=generator)), torch.randint(0, 3, (8,), generator=generator)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


CASES = [
    pytest.param(
        OptimizerConfig(name="sgd", lr=0.05, momentum=0.9, weight_decay=0.01),
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=0.01),
        id="sgd with momentum",
    ),
    pytest.param(
        OptimizerConfig(name="sgd", lr=0.05, momentum=0.8, nesterov=True),
        lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.8, nesterov=True),
        id="sgd with Nesterov momentum",
    ),
    pytest.param(
        OptimizerConfig(name="adam", lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        lambda parameters: torch.optim.Adam(parameters, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        id="adam with L2",
    ),
    pytest.param(
        OptimizerConfig(name="adamw", lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        id="adamw with decoupled decay",
    ),
]


@pytest.mark.parametrize(("config", "plain"), CASES)
def test_the_fused_optimiser_takes_the_steps_of_the_plain_one(config: OptimizerConfig, plain: object) -> None:
    model = network()
    twin = copy.deepcopy(model)
    ours = train(model, build_optimizer(model, config, CPU))
    theirs = train(twin, plain(twin.parameters()))  # type: ignore[operator]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_adam_and_adamw_decay_weights_differently() -> None:
    def weights(name: str) -> torch.Tensor:
        model = network()
        config = OptimizerConfig(name=name, lr=0.01, weight_decay=0.5)  # type: ignore[arg-type]
        return train(model, build_optimizer(model, config, CPU))[0]

    assert not torch.allclose(weights("adam"), weights("adamw"), atol=1e-3)


@pytest.mark.parametrize(("config", "_plain"), CASES)
def test_every_parameter_is_trained_in_one_group_by_the_fused_kernel(config: OptimizerConfig, _plain: object) -> None:
    model = network()
    optimizer = build_optimizer(model, config, CPU)
    (group,) = optimizer.param_groups
    assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in model.parameters()]
    assert group["fused"] is True
    assert group["lr"] == config.lr
    assert group["weight_decay"] == config.weight_decay


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (OptimizerConfig(name="sgd", nesterov=True), "Nesterov momentum requires a momentum"),
        (OptimizerConfig(name="adam", betas=(0.9, 1.0)), "Invalid beta parameter at index 1: 1.0"),
    ],
    ids=["Nesterov momentum of 0", "a beta of 1"],
)
def test_settings_that_an_optimiser_cannot_have_are_refused(config: OptimizerConfig, reason: str) -> None:
    with pytest.raises(UsageError, match=f"^optimizer {config.name} cannot be made: {reason}"):
        build_optimizer(network(), config, CPU)


def test_a_device_without_fused_kernels_gets_pytorchs_choice() -> None:
    optimizer = build_optimizer(network(), OptimizerConfig(name="adam"), torch.device("mps"))
    assert optimizer.param_groups[0]["fused"] is None


def test_rate_and_momentum_of_sgd_can_be_set() -> None:
    optimizer = build_optimizer(network(), OptimizerConfig(name="sgd", momentum=0.9), CPU)
    set_hyperparameters(optimizer, lr=0.02)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.02, 0.9)
    set_hyperparameters(optimizer, lr=0.03, momentum=0.8)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.03, 0.8)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_momentum_of_adam_is_its_first_beta(name: str) -> None:
    config = OptimizerConfig(name=name, betas=(0.9, 0.95))  # type: ignore[arg-type]
    optimizer = build_optimizer(network(), config, CPU)
    set_hyperparameters(optimizer, lr=0.02, momentum=0.7)
    assert optimizer.param_groups[0]["betas"] == (0.7, 0.95)


def test_a_rate_in_a_tensor_is_filled_in_place() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam(network().parameters(), lr=rate, fused=True)
    set_hyperparameters(optimizer, lr=0.5)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5


def test_the_state_of_an_optimiser_is_restored_exactly() -> None:
    config = OptimizerConfig(name="adam", lr=0.01, weight_decay=1e-4)
    straight = network()
    optimizer = build_optimizer(straight, config, CPU)
    train(straight, optimizer, 3)
    saved = copy.deepcopy((straight.state_dict(), optimizer.state_dict()))
    expected = train(straight, optimizer, 3)
    resumed = network()
    optimizer = build_optimizer(resumed, config, CPU)
    resumed.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    assert all(torch.equal(one, other) for one, other in zip(train(resumed, optimizer, 3), expected, strict=True))
