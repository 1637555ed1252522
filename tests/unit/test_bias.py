"""Convolutions whose bias's gradient PyTorch sums: the numbers of nn.Conv2d, and where they are used."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from core.models.bias import SummedBiasConv2d, use_summed_biases
from tests.convolution import assert_near, network_on_cpu


def summed(conv: nn.Conv2d) -> nn.Conv2d:
    """A copy that is computed so."""
    model = nn.Sequential(copy.deepcopy(conv))
    use_summed_biases(model)
    assert type(model[0]) is SummedBiasConv2d
    return model[0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": 1},
        {"stride": 2, "padding": (2, 1)},
        {"dilation": 2, "groups": 3},
        {"kernel_size": (1, 4)},
    ],
    ids=str,
)
def test_outputs_and_gradients_are_those_of_a_plain_convolution(settings: dict[str, Any]) -> None:
    plain = nn.Conv2d(**{"in_channels": 6, "out_channels": 12, "kernel_size": 3, **settings})
    ours = summed(plain)
    x = torch.randn(5, 6, 14, 11).to(memory_format=torch.channels_last).requires_grad_()
    y = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    of_output = torch.randn_like(plain(x))
    plain(x).backward(of_output)
    outputs = ours(y)
    outputs.backward(of_output)
    torch.testing.assert_close(outputs, plain(x), rtol=0, atol=0)
    torch.testing.assert_close(y.grad, x.grad, rtol=0, atol=0)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)
    assert_near(ours.bias.grad, plain.bias.grad, 1e-6)  # type: ignore[union-attr]


def test_what_needs_no_gradient_gets_none() -> None:
    ours = summed(nn.Conv2d(3, 4, 3))
    ours.weight.requires_grad = False
    x = torch.randn(2, 3, 8, 8)
    ours(x).sum().backward()
    assert x.grad is None
    assert ours.weight.grad is None
    assert ours.bias.grad.tolist() == [72.0] * 4  # type: ignore[union-attr]
    ours.bias.requires_grad = False  # type: ignore[union-attr]
    ours.bias.grad = None  # type: ignore[union-attr]
    ours(x.requires_grad_()).sum().backward()
    assert x.grad is not None
    assert ours.bias.grad is None  # type: ignore[union-attr]


def test_a_relu_may_overwrite_the_output_and_a_single_image_has_no_batch() -> None:
    plain = nn.Conv2d(3, 4, 3)
    x = torch.randn(3, 8, 8)
    ours = nn.Sequential(summed(plain), nn.ReLU(inplace=True))
    assert torch.equal(ours(x), plain(x).relu())
    assert torch.equal(ours(x[None]), plain(x[None]).relu())
    ours(x[None]).sum().backward()


def test_other_convolutions_stay_as_they_are() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    )
    use_summed_biases(model)
    assert {type(module) for module in model} == {nn.Conv2d}


@pytest.mark.parametrize(
    ("changes", "capabilities", "is_used"),
    [
        ({}, ["avx2"], True),
        ({"precision": "float32"}, ["avx2"], True),
        ({"precision": "bfloat16"}, ["avx2"], False),
        ({"compile": True}, ["avx2"], False),
        ({"precision": "float32"}, ["avx2", "avx512_f"], False),
        ({"precision": "float32"}, [], False),
    ],
    ids=str,
)
def test_runs_in_float32_use_them_where_there_is_no_avx512(
    changes: dict[str, Any], capabilities: list[str], is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: dict.fromkeys(capabilities, True))
    model = network_on_cpu("c10-lenet-fast", **changes)
    used = [type(module) is SummedBiasConv2d for module in model.modules() if isinstance(module, nn.Conv2d)]
    assert used == [is_used] * 3
