"""Convolutions by im2col: against PyTorch's own in float64, and taken only where they are meant to be."""

import copy
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models import build_model, im2col
from core.models.im2col import Im2colConv2d, convolve, use_im2col
from tests.convolution import assert_is_convolution, assert_near, network_on_cpu

_TOLERANCE = 2e-6  # of the largest value, in float32


@pytest.fixture(params=["filters", "all"])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What is computed by im2col, whatever the size: the gradient of the filters, or outputs and inputs as well."""
    monkeypatch.setattr(im2col, "_FEWEST_FILTERS_OF_ALL", 1 if request.param == "all" else 1 << 30)
    uses = Mock(wraps=im2col._as_matrix)
    monkeypatch.setattr(im2col, "_as_matrix", uses)
    yield str(request.param)
    assert uses.call_count == (2 if request.param == "all" else 0)  # forward and backward


def _count_products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the gradient of filters; their numbers of images."""
    images: list[int] = []
    plain = im2col._of_filters_in_part

    def counted(x: Tensor, gradient: Tensor) -> Tensor:
        images.append(len(x))
        return plain(x, gradient)

    monkeypatch.setattr(im2col, "_of_filters_in_part", counted)
    return images


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5), (1, 4), (4, 1), (1, 1), (2, 2)])
def test_outputs_and_gradients_are_those_of_a_convolution(height: int, width: int, with_bias: bool) -> None:
    assert_is_convolution(convolve, num_images=9, height=height, width=width, with_bias=with_bias, tolerance=_TOLERANCE)


def _in_bfloat16() -> tuple[list[float], list[float]]:
    """Errors of ours and of PyTorch's: of outputs, of the gradient of inputs, of the gradient of filters."""
    generator = torch.Generator().manual_seed(0)
    x, weight, arriving = (
        torch.randn(shape, generator=generator).bfloat16().to(memory_format=torch.channels_last)
        for shape in ((40, 64, 4, 4), (96, 64, 3, 3), (40, 96, 4, 4))
    )
    x, weight = x.requires_grad_(), weight.float().requires_grad_()
    ours, plain = convolve(x, weight, None), F.conv2d(x, weight.bfloat16(), padding=1)
    exact_x, exact_weight = (tensor.detach().double().requires_grad_() for tensor in (x, weight))
    exact = F.conv2d(exact_x, exact_weight, padding=1)
    of_ours, of_plain = (torch.autograd.grad(y, (x, weight), arriving) for y in (ours, plain))
    of_exact = torch.autograd.grad(exact, (exact_x, exact_weight), arriving.double())
    errors: tuple[list[float], list[float]] = ([], [])
    for mine, theirs, right in zip((ours, *of_ours), (plain, *of_plain), (exact, *of_exact), strict=True):
        assert mine.dtype is theirs.dtype
        assert mine.is_contiguous(memory_format=torch.channels_last)
        for kept, value in zip(errors, (mine, theirs), strict=True):
            kept.append(((value - right).norm() / right.norm()).item())
    return errors


def test_in_bfloat16_only_the_gradient_of_inputs_rounds_more_coarsely(part: str) -> None:
    """And that only where it is summed here, of nine rounded shares."""
    ours, plain = _in_bfloat16()
    for mine, theirs, limit in zip(ours, plain, (1.01, 1.6 if part == "all" else 1.01, 1.01), strict=True):
        assert mine <= limit * theirs


def test_in_many_parts_the_gradient_of_filters_rounds_no_more_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(im2col, "_ROWS_AT_ONCE", 32)
    ours, plain = _in_bfloat16()
    assert ours[2] <= 1.05 * plain[2]


def test_many_images_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(im2col, "_ROWS_AT_ONCE", 100)
    images = _count_products(monkeypatch)
    generator = torch.Generator().manual_seed(0)
    x, weight, arriving = (
        torch.randn(shape, generator=generator) for shape in ((23, 5, 3, 4), (6, 5, 3, 3), (23, 6, 3, 4))
    )
    weight.requires_grad_()
    (ours,) = torch.autograd.grad(convolve(x, weight, None), weight, arriving)
    assert images == [8, 8, 7]
    exact_weight = weight.detach().double().requires_grad_()
    exact = F.conv2d(x.double(), exact_weight, padding=1)
    assert_near(ours, *torch.autograd.grad(exact, exact_weight, arriving.double()), _TOLERANCE)


@pytest.mark.parametrize(
    ("x_shape", "num_outputs", "gains", "gains_in_all"),
    [
        ((64, 512, 4, 4), 512, True, True),
        ((64, 256, 4, 4), 512, True, True),
        ((250, 256, 2, 2), 256, True, False),  # few filters
        ((64, 512, 5, 4), 512, True, False),  # a large map
        ((257, 512, 4, 4), 512, True, False),  # many images
        ((64, 256, 8, 8), 256, True, False),
        ((64, 256, 13, 5), 256, False, False),
        ((64, 256, 8, 8), 240, False, False),
    ],
    ids=str,
)
def test_only_what_is_faster_is_chosen(
    x_shape: tuple[int, ...], num_outputs: int, gains: bool, gains_in_all: bool
) -> None:
    x, weight = torch.empty(x_shape, device="meta"), torch.empty(num_outputs, x_shape[1], 3, 3, device="meta")
    assert im2col._gains(x, weight) is gains
    assert im2col._gains_in_all(x, weight) is gains_in_all


def test_a_product_takes_a_few_thousand_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    images = _count_products(monkeypatch)
    im2col._of_filters(torch.zeros(250, 1, 7, 7), torch.zeros(250, 1, 7, 7))
    assert images == [84, 84, 82]


def test_what_is_frozen_gets_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    images = _count_products(monkeypatch)
    x, weight = torch.randn(2, 4, 3, 3, requires_grad=True), torch.randn(4, 4, 3, 3)
    convolve(x, weight, None).sum().backward()
    assert x.grad is not None
    assert images == []


@pytest.mark.usefixtures("part")
def test_its_output_may_be_changed_in_place() -> None:
    x, weight = torch.randn(2, 4, 3, 3), torch.randn(4, 4, 3, 3, requires_grad=True)
    x.requires_grad_()
    convolve(x, weight, None).relu_().sum().backward()
    assert weight.grad is not None


def test_large_maps_few_filters_and_float32_are_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    images = _count_products(monkeypatch)

    def backward(num_channels: int, side: int, *, bfloat16: bool) -> None:
        conv = nn.Conv2d(num_channels, num_channels, 3, padding=1)
        model = nn.Sequential(copy.deepcopy(conv))
        use_im2col(model)
        x = torch.randn(2, num_channels, side, side)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            ours, plain = model(x), conv(x)
        torch.testing.assert_close(ours, plain)
        ours.sum().backward()

    backward(256, 9, bfloat16=True)
    backward(128, 8, bfloat16=True)
    backward(256, 8, bfloat16=False)
    assert images == []
    backward(256, 8, bfloat16=True)
    assert images == [2]


def test_no_images_and_a_single_one_without_a_batch_are_left_to_pytorch() -> None:
    model = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1))
    use_im2col(model)
    with torch.autocast("cpu", torch.bfloat16):
        model(torch.zeros(0, 256, 4, 4)).sum().backward()
        assert model(torch.zeros(256, 4, 4)).shape == (256, 4, 4)


def test_a_network_keeps_its_function_and_its_names() -> None:
    model = build_model("resnet9", num_classes=20, image_shape=(3, 32, 32), args={})
    plain = copy.deepcopy(model)
    use_im2col(model)
    assert type(model.get_submodule("res2.block1.conv")) is Im2colConv2d
    assert list(model.state_dict()) == list(plain.state_dict())
    x = torch.randn(16, 3, 32, 32).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = model(x), plain(x)
    assert (ours - theirs).norm() < 0.03 * theirs.norm()


def test_other_convolutions_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(256, 256, 5, padding=2), nn.Conv2d(256, 256, 3), nn.Conv2d(64, 64, 3, padding=1))
    use_im2col(model)
    assert {type(module) for module in model} == {nn.Conv2d}


@pytest.mark.parametrize(
    ("changes", "capabilities", "is_used"),
    [
        ({"precision": "bfloat16"}, ["avx512_bf16"], True),
        ({"precision": "bfloat16"}, ["avx512_bf16", "amx_bf16"], True),
        ({"precision": "bfloat16"}, ["avx2"], False),
        ({"precision": "bfloat16", "compile": True}, ["avx512_bf16"], False),
        ({"precision": "float32"}, ["avx512_bf16"], False),
    ],
    ids=str,
)
def test_runs_in_bfloat16_use_them(
    changes: dict[str, Any], capabilities: list[str], is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: dict.fromkeys(capabilities, True))
    model = network_on_cpu("c10-cpu-94", **changes)
    assert any(isinstance(module, Im2colConv2d) for module in model.modules()) is is_used
