"""3×3 convolutions of small maps as products of matrices, for bfloat16 on a CPU.

K. Chellapilla, S. Puri and P. Simard, "High Performance Convolutional Neural Networks for Document Processing" (2006):
what a filter sees of the images becomes the rows of one matrix, im2col, by which the filters are multiplied. oneDNN
goes image by image instead. On small maps that leaves it little to do with filters which it fetches again for each
image, and above all it is slow to sum the gradient of the filters.

It is the same function up to the order in which it sums, with one more rounding of the shares that an input's gradient
is the sum of, where that is computed here as well. Forward and backward together took 17.5 instead of 23.0 ms for 64
images of 512 channels with 4×4 pixels, 22.3 instead of 25.2 ms for 250 of 256 channels with 5×5 (two cores of an EPYC
9005); by AMX, on two cores of a Xeon, 15.0 instead of 33.6 ms and 17.8 instead of 26.3 ms.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.fit import is_same_3x3

# Where they gain, measured with 16 to 2,000 images of 64 to 512 channels. Filters are counted inputs times outputs.
_MOST_PIXELS = 64  # of a map, for the gradient of the filters
_FEWEST_FILTERS = 1 << 16
_MOST_PIXELS_OF_ALL = 16  # of a map, for outputs and the gradient of the inputs as well
_FEWEST_FILTERS_OF_ALL = 1 << 17  # more than a core's cache holds
_ROWS_AT_ONCE = 4096  # of a product: what it multiplies stays in the cache


class _Convolution(torch.autograd.Function):
    """The gradient of the filters as products of matrices, and of large filters the rest as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        weight, bias = weight.to(x.dtype), None if bias is None else bias.to(x.dtype)
        ctx.save_for_backward(x, weight)
        if not _gains_in_all(x, weight):
            return F.conv2d(x, weight, bias, padding=1)
        num_images, num_inputs, height, width = x.shape
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        patches = padded.unfold(1, 3, 1).unfold(2, 3, 1).permute(0, 1, 2, 4, 5, 3).reshape(-1, 9 * num_inputs)
        y = F.linear(patches, _as_matrix(weight), bias)
        # Detached: autograd lets nothing be computed in place, as ReLU may be, of what a function returns as a view.
        return y.view(num_images, height, width, -1).permute(0, 3, 1, 2).detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        return (
            _of_inputs(x, weight, gradient) if ctx.needs_input_grad[0] else None,
            _of_filters(x, gradient) if ctx.needs_input_grad[1] else None,
            gradient.sum((0, 2, 3), dtype=torch.float32) if ctx.needs_input_grad[2] else None,
        )


def _as_matrix(weight: Tensor) -> Tensor:
    """K×C×3×3: K × 9C."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def _of_inputs(x: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
    if not _gains_in_all(x, weight):
        convolution = ([1, 1], [1, 1], [1, 1], False, [0, 0], 1)  # stride, padding, dilation, not transposed, groups
        return torch.ops.aten.convolution_backward(gradient, x, weight, None, *convolution, [True, False, False])[0]  # type: ignore[no-any-return]
    num_images, num_inputs, height, width = x.shape
    rows = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight))
    patches = (rows @ _as_matrix(weight)).view(num_images, height, width, 3, 3, num_inputs)
    padded = patches.new_zeros((num_images, height + 2, width + 2, num_inputs), dtype=torch.float32)
    for i in range(3):
        for j in range(3):
            padded[:, i : i + height, j : j + width] += patches[:, :, :, i, j]
    return padded[:, 1:-1, 1:-1].to(x.dtype).permute(0, 3, 1, 2)


def _of_filters(x: Tensor, gradient: Tensor) -> Tensor:
    """Part by part of the images, whose sum is in float32."""
    num_inputs, num_outputs = x.shape[1], gradient.shape[1]
    num_parts = -(-x[:, 0].numel() // _ROWS_AT_ONCE)
    total: Tensor | None = None
    for part, of_part in zip(x.chunk(num_parts), gradient.chunk(num_parts), strict=True):
        products = _of_filters_in_part(part, of_part)
        total = products.float() if total is None else total.add_(products)
    assert total is not None
    return total.view(num_outputs, 3, 3, num_inputs).permute(0, 3, 1, 2)


def _of_filters_in_part(x: Tensor, gradient: Tensor) -> Tensor:
    """K × 3 × 3C: a product for each row of the filters.

    The first rows of all images lie together, then the second ones. A filter's row i at output row h sees input row
    h + i - 1; where that lies outside the images, the output row is left out instead of being multiplied by zeros.
    """
    padded = F.pad(x.permute(2, 0, 3, 1), (0, 0, 1, 1))
    inputs = padded.unfold(2, 3, 1).transpose(3, 4).reshape(len(padded), -1, 3 * x.shape[1])
    outputs = gradient.permute(2, 0, 3, 1).reshape(len(padded), -1, gradient.shape[1])
    products = x.new_empty((outputs.shape[2], 3, inputs.shape[2]))
    for i, (seeing, seen) in enumerate(((outputs[1:], inputs[:-1]), (outputs, inputs), (outputs[:-1], inputs[1:]))):
        torch.mm(seeing.flatten(0, 1).T, seen.flatten(0, 1), out=products[:, i])
    return products


def _gains(x: Tensor, weight: Tensor) -> bool:
    _, _, height, width = x.shape
    return height * width <= _MOST_PIXELS and _num_filters(weight) >= _FEWEST_FILTERS


def _gains_in_all(x: Tensor, weight: Tensor) -> bool:
    num_images, _, height, width = x.shape
    is_small = height * width <= _MOST_PIXELS_OF_ALL and num_images * height * width <= _ROWS_AT_ONCE
    return is_small and _num_filters(weight) >= _FEWEST_FILTERS_OF_ALL


def _num_filters(weight: Tensor) -> int:
    return weight.shape[0] * weight.shape[1]


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What F.conv2d with a padding of 1 makes of N×C×H×W, at least one image, and K×C×3×3, with the channels last.

    It computes in the type of `x`. Those of `weight` and `bias` may be more precise.
    """
    return _Convolution.apply(x, weight, bias)  # type: ignore[no-any-return]


class Im2colConv2d(nn.Conv2d):
    """nn.Conv2d with 3×3 filters, stride 1 and a padding of 1 zero, by im2col where autocast wants it in bfloat16 and
    where that is faster.
    """

    def forward(self, x: Tensor) -> Tensor:
        device = x.device.type
        in_bfloat16 = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) is torch.bfloat16
        if not (in_bfloat16 and x.dim() == 4 and len(x) > 0 and _gains(x, self.weight)):
            return super().forward(x)
        return convolve(x.bfloat16(), self.weight, self.bias)


def use_im2col(model: nn.Module) -> None:
    """Have the convolutions that may gain by it computed so, in place, with the same parameters."""
    for module in model.modules():
        if type(module) is nn.Conv2d and is_same_3x3(module) and _num_filters(module.weight) >= _FEWEST_FILTERS:
            module.__class__ = Im2colConv2d
