"""Dropout drops what it says, scales the rest, and is PyTorch's own in everything that can be seen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.models.dropout import Dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_part_becomes_zero_and_the_rest_is_scaled(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(200, 500, dtype=dtype, requires_grad=True)
    y = Dropout(p)(x)
    y.sum().backward()
    dropped = y == 0
    assert y.dtype == dtype
    assert dropped.double().mean() == pytest.approx(p, abs=0.006)  # four standard deviations at most
    assert torch.equal(dropped, x.grad == 0)
    if p < 1:
        torch.testing.assert_close(y[~dropped], torch.full_like(y[~dropped], 1 / (1 - p)))
        torch.testing.assert_close(x.grad, y.detach())


def test_an_evaluation_drops_nothing() -> None:
    x = torch.randn(10, 10)
    assert Dropout(0.5).eval()(x) is x


def test_the_mask_is_a_function_of_the_seed_and_differs_from_step_to_step() -> None:
    x, dropout = torch.ones(50, 50), Dropout(0.5)
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(dropout(x))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_a_network_with_it_is_one_with_pytorchs() -> None:
    assert isinstance(Dropout(0.5), nn.Dropout)
    assert str(Dropout(0.5)) == str(nn.Dropout(0.5))
    assert not Dropout(0.5).state_dict()
