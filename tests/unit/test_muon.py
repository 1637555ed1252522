"""Muon: orthogonal updates of filters, Nesterov SGD for the rest."""

from __future__ import annotations

import copy

import msgspec
import pytest
import torch
from torch import nn

from core.config import OptimizerConfig
from core.models import build_model
from core.optim import muon
from core.optim.factory import build_optimizer, set_hyperparameters
from core.optim.muon import Muon, orthogonalize

CONFIG = OptimizerConfig(name="muon", lr=0.1, momentum=0.6, linear_lr=0.5, bias_lr=0.2, weight_decay=0.01)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))


def backward(model: nn.Module, seed: int = 1) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = model(torch.randn(16, 3, 8, 8, generator=generator))
    nn.functional.cross_entropy(logits, torch.randint(0, 4, (16,), generator=generator)).backward()


def plain_iteration(matrix: torch.Tensor) -> torch.Tensor:
    """Of Jordan et al., as it is published, in float64."""
    x = (matrix.T if matrix.shape[0] > matrix.shape[1] else matrix).double()
    x = x / x.norm()
    for _ in range(3):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(16, 90), (90, 16), (20, 32)])
def test_orthogonalising_makes_all_singular_values_about_one_and_keeps_the_directions(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    result = orthogonalize([matrix.to(dtype)])[0].float()
    values = torch.linalg.svdvals(result)
    assert result.shape == shape
    assert torch.linalg.svdvals(matrix)[0] / torch.linalg.svdvals(matrix)[-1] > 2
    assert values.min() > 0.3
    assert values.max() < 1.3
    # The nearest semi-orthogonal matrix is U·Vᵀ; its inner product with the matrix is the sum of the singular values.
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(result.flatten(), (u @ vh).flatten(), dim=0) > 0.97


def test_many_matrices_at_once_are_each_what_the_plain_iteration_makes_of_it() -> None:
    torch.manual_seed(0)
    shapes = [(16, 90), (24, 60), (90, 16), (16, 16), (24, 24)]
    matrices = [torch.randn(shape) * 10**exponent for exponent, shape in enumerate(shapes, start=-3)]
    for matrix, result in zip(matrices, orthogonalize(matrices), strict=True):
        torch.testing.assert_close(result.double(), plain_iteration(matrix), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("shape", [(16, 4, 5, 3), (64, 3, 3, 3), (64, 3, 1, 1), (8, 1, 3, 3), (1, 1, 1, 1)], ids=str)
def test_a_step_is_the_plain_iteration_on_outputs_times_everything_else(
    shape: tuple[int, ...], layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "computes_in_bfloat16", lambda device: False)
    torch.manual_seed(0)
    filters = torch.randn(shape).contiguous(memory_format=layout).requires_grad_()
    gradient = torch.randn(shape)
    before = filters.detach().double()
    filters.grad = gradient.contiguous(memory_format=layout)
    Muon([{"params": [filters], "lr": 0.1, "momentum": 0.6, "orthogonal": True}]).step()
    # The matrix is the gradient as it is read: its rows are outputs, its columns inputs and pixels.
    direction = plain_iteration((1.6 * gradient).flatten(1)).view(shape)
    expected = before * len(before) ** 0.5 / before.norm() - 0.1 * direction
    torch.testing.assert_close(filters.detach().double(), expected, rtol=1e-4, atol=1e-5)
    assert filters.is_contiguous(memory_format=layout)


def test_a_gradient_of_zero_has_no_direction() -> None:
    (result,) = orthogonalize([torch.zeros(4, 9)])
    assert torch.equal(result, torch.zeros(4, 9))


def test_parameters_are_in_the_groups_they_belong_to_with_learning_rates_of_their_own() -> None:
    model = network()
    optimizer = build_optimizer(model, CONFIG, torch.device("cpu"))
    assert isinstance(optimizer, Muon)
    conv, norm, _, _, fc = model
    expected = [[conv.weight], [fc.weight], [conv.bias, norm.weight, norm.bias, fc.bias]]
    for group, parameters, lr in zip(optimizer.param_groups, expected, (0.1, 0.5, 0.2), strict=True):
        assert [id(one) for one in group["params"]] == [id(one) for one in parameters]  # type: ignore[union-attr]
        assert group["lr"] == pytest.approx(lr)
    assert [group["orthogonal"] for group in optimizer.param_groups] == [True, False, False]
    set_hyperparameters(optimizer, lr=0.05)  # half of the schedule's peak: all of them halve
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.25, 0.1])


def test_what_has_a_learning_rate_of_0_is_in_no_group() -> None:
    config = msgspec.structs.replace(CONFIG, bias_lr=0.0, weight_decay=0.1)
    optimizer = build_optimizer(network(), config, torch.device("cpu"))
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 1]
    halted = build_optimizer(network(), msgspec.structs.replace(CONFIG, lr=0.0), torch.device("cpu"))
    set_hyperparameters(halted, lr=0.0)
    assert [group["lr"] for group in halted.param_groups] == [0.0] * 3


def test_frozen_parameters_are_left_out_and_stay_as_they_are() -> None:
    model = build_model(
        "speednet", num_classes=4, image_shape=(3, 16, 16), args={"width1": 8, "width2": 8, "width3": 8}
    )
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    optimizer = build_optimizer(model, CONFIG, torch.device("cpu"))
    nn.functional.cross_entropy(model(torch.randn(8, 3, 16, 16)), torch.randint(0, 4, (8,))).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    after = dict(model.named_parameters())
    frozen = [name for name, parameter in after.items() if not parameter.requires_grad]
    assert "whiten.weight" in frozen
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert not any(torch.equal(before[name], after[name]) for name in after if name not in frozen)


def test_a_step_moves_filters_by_the_learning_rate_in_every_direction_and_keeps_their_size() -> None:
    model = network()
    optimizer = build_optimizer(model, CONFIG, torch.device("cpu"))
    conv = model[0]
    backward(model)
    before = conv.weight.detach().flatten(1)
    before = before * len(before) ** 0.5 / before.norm()
    optimizer.step()
    moved = torch.linalg.svdvals(conv.weight.detach().flatten(1) - before) / 0.1
    assert moved.min() > 0.3
    assert moved.max() < 1.3


def test_everything_else_takes_the_steps_of_pytorchs_nesterov_sgd() -> None:
    model = network()
    twin = copy.deepcopy(model)
    ours = build_optimizer(model, CONFIG, torch.device("cpu"))
    theirs = torch.optim.SGD(
        [
            {"params": [twin[4].weight], "lr": 0.5, "weight_decay": 0.01 / 0.5},
            {
                "params": [twin[0].bias, *twin[1].parameters(), twin[4].bias],
                "lr": 0.2,
                "weight_decay": 0.01 / 0.2,
            },
        ],
        momentum=0.85,
        nesterov=True,
    )
    for seed in range(3):
        for one, optimizer in ((model, ours), (twin, theirs)):
            one.zero_grad()
            backward(one, seed)
            optimizer.step()
        twin[0].weight.data.copy_(model[0].weight.data)  # Muon's part
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, dict(twin.named_parameters())[name], rtol=1e-5, atol=1e-6)


def test_state_goes_through_a_checkpoint() -> None:
    model = network()
    optimizer = build_optimizer(model, CONFIG, torch.device("cpu"))
    backward(model)
    optimizer.step()
    twin = copy.deepcopy(model)
    other = build_optimizer(twin, CONFIG, torch.device("cpu"))
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one, its in ((model, optimizer), (twin, other)):
        one.zero_grad()
        backward(one, 2)
        its.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        build_optimizer(network(), CONFIG, torch.device("cpu")).step(lambda: 0.0)


@pytest.mark.parametrize("native", [True, False])
def test_filters_are_orthogonalised_in_bfloat16_only_where_the_device_computes_in_it(
    native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(matrices: list[torch.Tensor]) -> list[torch.Tensor]:
        seen.extend(matrix.dtype for matrix in matrices)
        return matrices

    monkeypatch.setattr(muon, "computes_in_bfloat16", lambda device: native)
    monkeypatch.setattr(muon, "orthogonalize", spy)
    model = network()
    optimizer = build_optimizer(model, CONFIG, torch.device("cpu"))
    backward(model)
    optimizer.step()
    assert seen == [torch.bfloat16 if native else torch.float32]
