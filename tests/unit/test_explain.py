"""The arithmetic of `cifar-tui explain`, beside PyTorch's."""

from __future__ import annotations

import re
from collections import OrderedDict
from math import prod

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.errors import UsageError
from core.models.summary import describe
from core.recipes import RECIPES
from tui.explain.networks import PUBLISHED, Conv, Flatten, Linear, MaxPool, Shape, Step, recipe_layers, stack, trace
from tui.explain.windows import (
    PUBLISHED_INPUT,
    PUBLISHED_KERNEL,
    Convolution,
    Floats,
    Region,
    average_pool,
    max_pool,
    parse_grid,
    parse_place,
)

IMAGE, KERNEL = parse_grid(PUBLISHED_INPUT, "--input"), parse_grid(PUBLISHED_KERNEL, "--kernel")


def in_pytorch(grid: Floats) -> Tensor:
    """One image of one channel."""
    return torch.from_numpy(grid)[None, None]


@st.composite
def grids(draw: st.DrawFn, max_side: int = 7) -> Floats:
    shape = draw(st.tuples(st.integers(1, max_side), st.integers(1, max_side)))
    values = draw(st.lists(st.integers(-9, 9), min_size=prod(shape), max_size=prod(shape)))
    return np.array(values, np.float64).reshape(shape)


def test_the_published_grids() -> None:
    one = Convolution(IMAGE, KERNEL)
    assert one.output.tolist() == [[11, 12, 11], [13, 17, 7], [16, 15, 9]]
    assert Convolution(IMAGE, KERNEL, stride=2).output.tolist() == [[11, 11], [16, 9]]
    assert max_pool(IMAGE, 2, 2).tolist() == [[3, 5], [5, 3]]
    assert average_pool(IMAGE, 2, 2).tolist() == [[1.75, 2], [2.75, 1.75]]


@given(image=grids(), kernel=grids(4), stride=st.integers(1, 4), padding=st.integers(0, 3))
def test_a_convolution_is_pytorchs(image: Floats, kernel: Floats, stride: int, padding: int) -> None:
    if any(size > side + 2 * padding for size, side in zip(kernel.shape, image.shape, strict=True)):
        with pytest.raises(UsageError, match="kernel is larger than the padded input"):
            Convolution(image, kernel, stride, padding)
        return
    convolution = Convolution(image, kernel, stride, padding)
    theirs = F.conv2d(in_pytorch(image), in_pytorch(kernel), stride=stride, padding=padding)[0, 0]
    np.testing.assert_array_equal(convolution.output, theirs.numpy())
    for at in np.ndindex(*convolution.output.shape):
        row, column = at
        window = convolution.window((row, column))
        seen = convolution.padded[window.top : window.bottom, window.left : window.right]
        assert (seen * kernel).sum() == theirs[at]
        assert convolution.cell_of(window) == Region(row, column, 1, 1)


@given(image=grids(), side=st.integers(1, 4), stride=st.integers(1, 4))
def test_pooling_is_pytorchs(image: Floats, side: int, stride: int) -> None:
    if side > min(image.shape):
        return
    largest, mean = F.max_pool2d(in_pytorch(image), side, stride), F.avg_pool2d(in_pytorch(image), side, stride)
    np.testing.assert_array_equal(max_pool(image, side, stride), largest[0, 0].numpy())
    np.testing.assert_allclose(average_pool(image, side, stride), mean[0, 0].numpy(), atol=1e-12)


def test_a_window_that_a_stride_skips_makes_no_cell() -> None:
    convolution = Convolution(IMAGE, KERNEL, stride=2)
    assert convolution.cell_of(Region(0, 2, 3, 3)) == Region(0, 1, 1, 1)
    assert convolution.cell_of(Region(0, 1, 3, 3)) is None
    assert convolution.cell_of(Region(1, 0, 3, 3)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 2/3", "needs rows of the same length; these have 2, 1 numbers"),
        ("", "has a row without numbers"),
        ("1 2//3 4", "has a row without numbers"),
        ("1 two", '"two" is not a number'),
        ("1 nan", "nan cannot be drawn"),
        ("1 1e999", "1e999 cannot be drawn"),
        ("-1000000", "-1000000 cannot be drawn; use numbers between -1,000,000 and 1,000,000"),
    ],
)
def test_a_grid_that_cannot_be_used_is_told(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=rf"^--input.*{re.escape(says)}"):
        parse_grid(text, "--input")


def test_a_grid_is_read_by_rows() -> None:
    assert parse_grid(" 1 -2.5 / 3e1  4 ", "--input").tolist() == [[1, -2.5], [30, 4]]


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "-1,0", "a,b", "1.0,2", "1;2", "٣,1"])
def test_a_place_that_is_none_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="--at takes ROW,COL counted from 0"):
        parse_place(text)


@pytest.mark.parametrize("at", [(3, 0), (0, 3), (99, 99)])
def test_a_place_outside_is_told(at: tuple[int, int]) -> None:
    assert parse_place(f" {at[0]} , {at[1]} ") == at
    with pytest.raises(UsageError, match=r"is outside the 3×3 output: rows are 0 to 2, columns 0 to 2"):
        Convolution(IMAGE, KERNEL).window(at)


@pytest.mark.parametrize(
    ("stride", "padding", "says"),
    [
        (0, 0, "--stride must be 1 or more, not 0"),
        (1, -1, "--padding must be 0 or more, not -1"),
        (1, 10**9, "the padded input is 2000000005×2000000005; at most 32×32 can be drawn"),
    ],
)
def test_what_cannot_be_computed_is_told(stride: int, padding: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Convolution(IMAGE, KERNEL, stride, padding)


def built(image_shape: Shape, steps: tuple[Step, ...]) -> nn.Sequential:
    """The same network in PyTorch."""
    modules = OrderedDict[str, nn.Module]()
    data = torch.zeros(1, *image_shape)
    for step in steps:
        match step:
            case Conv(channels, kernel, stride):
                name, module = "conv", nn.Conv2d(data.shape[1], channels, kernel, stride)
            case MaxPool(side):
                name, module = "pool", nn.MaxPool2d(side)
            case Flatten():
                name, module = "flatten", nn.Flatten()
            case Linear(features):
                name, module = "fc", nn.Linear(data.shape[1], features)
        number = 1 + sum(known.startswith(name) for known in modules)
        modules[name if name == "flatten" else f"{name}{number}"] = module
        data = module(data)
    return nn.Sequential(modules)


@pytest.mark.parametrize(("image_shape", "steps"), PUBLISHED, ids=["28 pixels", "64 pixels"])
def test_the_published_networks_are_those_of_pytorch(
    image_shape: tuple[int, int, int], steps: tuple[Step, ...]
) -> None:
    assert trace(image_shape, steps) == describe(built(image_shape, steps), image_shape)


def test_the_published_sizes() -> None:
    shapes = [[layer.output_shape for layer in trace(*network)] for network in PUBLISHED]
    assert shapes[0] == [(3, 26, 26), (5, 24, 24), (2880,), (30,), (10,)]
    assert shapes[1] == [(3, 30, 30), (3, 15, 15), (5, 6, 6), (5, 3, 3), (45,), (30,), (10,)]


@given(
    image_shape=st.tuples(st.integers(1, 3), st.integers(9, 20), st.integers(9, 20)),
    steps=st.lists(
        st.one_of(
            st.builds(Conv, st.integers(1, 4), st.integers(1, 5), st.integers(1, 3)),
            st.builds(MaxPool, st.integers(1, 3)),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_any_network_is_that_of_pytorch(image_shape: tuple[int, int, int], steps: list[Step]) -> None:
    fitting: list[Step] = []
    for step in steps:  # as far as windows fit
        side = step.kernel if isinstance(step, Conv) else step.side if isinstance(step, MaxPool) else 1
        if side <= min((trace(image_shape, fitting)[-1].output_shape if fitting else image_shape)[1:]):
            fitting.append(step)
    network = (*fitting, Flatten(), Linear(3))
    assert trace(image_shape, network) == describe(built(image_shape, network), image_shape)


def test_stacked_kernels_see_more_than_their_weights_tell() -> None:
    assert stack(3, 1) == (3, 9)
    assert stack(5, 1) == (5, 25)
    assert stack(3, 2) == (5, 18)
    assert stack(3, 3) == (7, 27)


def test_a_recipes_network_is_described() -> None:
    layers = recipe_layers(RECIPES["mnist-cnn"])
    assert [layer.output_shape for layer in layers if layer.kind == "conv 5x5"] == [(16, 24, 24), (32, 8, 8)]
    assert sum(layer.num_parameters for layer in layers) == 46_730
