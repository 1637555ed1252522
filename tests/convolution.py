"""Is a convolution of our own a convolution, and which runs use it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.events import Event
from core.recipes import get_recipe
from core.setup import set_up

Convolve = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Of N×C×H×W, filters K×C×3×3 and a bias K, with a padding of 1."""


def assert_is_convolution(
    convolve: Convolve, *, num_images: int, height: int, width: int, with_bias: bool, tolerance: float
) -> Tensor:
    """Outputs and gradients of 5 channels to 6 in float32 are PyTorch's in float64, up to `tolerance` of the largest
    value; what came out.
    """
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=generator).requires_grad_()
        for shape in ((num_images, 5, height, width), (6, 5, 3, 3), (6,))
    )
    ours = convolve(x, weight, bias if with_bias else None)
    exact_x, exact_weight, exact_bias = (tensor.detach().double().requires_grad_() for tensor in (x, weight, bias))
    exact = F.conv2d(exact_x, exact_weight, exact_bias if with_bias else None, padding=1)
    assert_near(ours, exact, tolerance)
    arriving = torch.randn(exact.shape, generator=generator)
    ours.backward(arriving)
    exact.backward(arriving.double())
    for mine, theirs in ((x, exact_x), (weight, exact_weight), *(((bias, exact_bias),) if with_bias else ())):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert_near(mine.grad, theirs.grad, tolerance)
    return ours


def assert_near(ours: Tensor, exact: Tensor, tolerance: float) -> None:
    """Within `tolerance` of the largest value."""
    assert ours.shape == exact.shape
    assert (ours.double() - exact).abs().max() <= tolerance * exact.abs().max()


def network_on_cpu(recipe: str, emit: Callable[[Event], None] = lambda event: None, **changes: Any) -> nn.Module:
    """As a run of the recipe computes it, with these settings changed, on the embedded images."""
    config = get_recipe(recipe).config
    data = msgspec.structs.replace(config.data, dataset="shapes")
    return set_up(msgspec.structs.replace(config, data=data, device="cpu", **changes), emit).model
