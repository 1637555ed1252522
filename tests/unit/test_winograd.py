"""Convolutions by Winograd's method: against PyTorch's own in float64, and chosen only where they are cheaper."""

import copy
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core import events as ev
from core.models import build_model
from core.models.summary import describe
from core.models.winograd import TRANSFORMS, WinogradConv2d, choose_transform, convolve, use_winograd
from tests.convolution import assert_is_convolution, network_on_cpu

_BY_SIDE = {transform.side: transform for transform in TRANSFORMS}
_TOLERANCE = 2e-5  # of the largest value


@pytest.mark.parametrize(
    ("side", "height", "width", "with_bias"),
    [*product(_BY_SIDE, (4, 7), (8, 5), (True, False)), (4, 1, 1, True), (2, 3, 1, True)],
)
def test_outputs_and_gradients_are_those_of_a_convolution(side: int, height: int, width: int, with_bias: bool) -> None:
    ours = assert_is_convolution(
        lambda x, weight, bias: convolve(x, weight, bias, _BY_SIDE[side]),
        num_images=90,
        height=height,
        width=width,
        with_bias=with_bias,
        tolerance=_TOLERANCE,
    )
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("cached_values", [1 << 22, 1 << 14], ids=["parts", "parts and blocks"])
def test_what_does_not_fit_into_the_cache_adds_up(cached_values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts of the images and several blocks of the filters, the last ones smaller."""
    monkeypatch.setattr("core.models.winograd._CACHED_VALUES", cached_values)
    x, weight = torch.randn(37, 64, 32, 32, requires_grad=True), torch.randn(120, 64, 3, 3, requires_grad=True)
    ours = convolve(x, weight, None, _BY_SIDE[4])
    exact = F.conv2d(x, weight, padding=1)
    arriving = torch.randn_like(exact)
    for mine, theirs in zip(
        (ours, *torch.autograd.grad(ours, (x, weight), arriving)),
        (exact, *torch.autograd.grad(exact, (x, weight), arriving)),
        strict=True,
    ):
        assert (mine - theirs).abs().max() <= 2 * _TOLERANCE * theirs.abs().max()


def test_an_evaluation_keeps_nothing_for_a_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    def save(ctx: object, *tensors: torch.Tensor) -> None:
        kept.append(len(tensors))

    monkeypatch.setattr(torch.autograd.function.FunctionCtx, "save_for_backward", save)
    x, weight = torch.randn(2, 8, 8, 8), torch.randn(8, 8, 3, 3, requires_grad=True)
    convolve(x, weight, None, _BY_SIDE[4])
    with torch.inference_mode():
        convolve(x, weight, None, _BY_SIDE[4])
    assert kept == [2, 1]  # filters and tiles; filters


def test_its_output_may_be_changed_in_place() -> None:
    x, weight = torch.randn(2, 8, 8, 8), torch.randn(8, 8, 3, 3, requires_grad=True)
    convolve(x, weight, None, _BY_SIDE[4]).relu_().sum().backward()
    assert weight.grad is not None


def test_only_what_is_cheaper_is_chosen() -> None:
    assert choose_transform((64, 128, 16, 16), 256) is _BY_SIDE[4]
    assert choose_transform((64, 3, 32, 32), 64) is None  # three channels: all transforming, little multiplying
    assert choose_transform((250, 128, 5, 5), 128) is None  # tiles that hang over the edge
    assert choose_transform((250, 256, 2, 2), 256) is _BY_SIDE[2]
    assert choose_transform((1, 512, 4, 4), 512) is None  # filters are transformed for one image


def test_a_network_keeps_its_function_and_its_names() -> None:
    model = build_model("resnet9", num_classes=20, image_shape=(3, 32, 32), args={})
    plain = copy.deepcopy(model)
    assert use_winograd(model, describe(model, (3, 32, 32)), 64) == 7  # all but the first
    assert type(model.get_submodule("conv1.conv")) is nn.Conv2d
    assert type(model.get_submodule("conv2.conv")) is WinogradConv2d
    assert list(model.state_dict()) == list(plain.state_dict())
    x = torch.randn(16, 3, 32, 32).to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(x), plain(x), rtol=1e-3, atol=1e-3)


def test_other_convolutions_stay_as_they_are() -> None:
    model = nn.Sequential(
        nn.Conv2d(256, 256, 5, padding=2),
        nn.Conv2d(256, 256, 3),
        nn.Conv2d(256, 256, 3, padding=1, stride=2),
        nn.Conv2d(256, 256, 3, padding=1, groups=2),
        nn.Conv2d(256, 256, 3, padding=2, dilation=2),
        nn.Conv2d(256, 256, 3, padding=1, padding_mode="reflect"),
    )
    assert use_winograd(model, describe(model, (256, 32, 32)), 64) == 0


@pytest.mark.parametrize(
    ("changes", "number"),
    [({}, 5), ({"precision": "float32"}, 0), ({"precision": "bfloat16"}, 0), ({"compile": True}, 0)],
    ids=str,
)
def test_a_run_says_when_it_uses_them(changes: dict[str, Any], number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device.computes_in_bfloat16", lambda device: False)
    seen: list[ev.Event] = []
    model = network_on_cpu("c10-cpu", seen.append, **changes)
    used = sum(isinstance(module, WinogradConv2d) for module in model.modules())
    assert used == number
    notices = [event.text for event in seen if isinstance(event, ev.Notice)]
    assert bool(notices) == (number > 0)
