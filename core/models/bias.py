"""Convolutions whose bias has its gradient summed by PyTorch, for float32 on a CPU without AVX-512.

There oneDNN sums it in plain loops beside the gradient of the filters. Backward of LeNet's first convolution took 3.0
ms for 100 images, and 1.4 without the bias, for which PyTorch needs another .5 ms (two cores of an EPYC 7003).

It is the same function up to the order in which it sums.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Convolution(torch.autograd.Function):
    """What F.conv2d is, and its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, settings: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings = settings
        return F.conv2d(x, weight, bias, *settings)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.settings
        asked = [*ctx.needs_input_grad[:2], False]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient, x, weight, None, stride, padding, dilation, False, [0, 0], groups, asked
        )
        return of_x, of_weight, gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None, None


class SummedBiasConv2d(nn.Conv2d):
    """nn.Conv2d with a bias and numbers for its padding, which is of zeros."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:
            return super().forward(x)
        settings = (self.stride, self.padding, self.dilation, self.groups)
        return _Convolution.apply(x, self.weight, self.bias, settings)  # type: ignore[no-any-return]


def use_summed_biases(model: nn.Module) -> None:
    """Have the convolutions with a bias computed so, in place, with the same parameters."""
    for module in model.modules():
        if (
            type(module) is nn.Conv2d
            and module.bias is not None
            and module.padding_mode == "zeros"
            and not isinstance(module.padding, str)
        ):
            module.__class__ = SummedBiasConv2d
