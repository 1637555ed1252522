"""SpeedNet, the network of our own fast recipes: whitened patches, then three groups of convolutions.

Its shape is that of K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU" (arXiv:2404.00498), which grew out of
D. Page's ResNet-9 (DAWNBench, 2018) and T. Nabi's hlb-CIFAR10:

- A first layer whose filters never learn. They are the eigenvectors of the covariance of the training set's patches,
  each divided by the square root of its eigenvalue, and their negatives: what comes out is uncorrelated and of equal
  variance. Its bias may learn at first only; from then on the backward pass need not go back to the largest maps.
- Filters that begin as the identity: the first outputs of a convolution pass their inputs on.
- Pooling right after the first convolution of a group, before anything else looks at the large maps.
- Batch norm without a learned scale; a last layer of standard normal weights, whose logits are divided by the number
  of its inputs.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Annotated

import torch
from msgspec import Meta
from torch import Tensor, nn

from core.config import Fraction, Positive
from core.models.fit import require_side
from core.models.pool import GlobalMaxPool2d
from core.models.residual import Sum

_PATCH = 2  # pixels; side of the whitened patches
_IMAGES_AT_ONCE = 500  # their patches take 46 MB; those of thousands would take most of a small machine's memory
_EPSILON = 5e-4  # added to the eigenvalues: dark corners of the spectrum must not become noise


class Scale(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Group(nn.Module):
    """conv, max pooling 2, batch norm, GELU; then `convs` - 1 times conv, batch norm, GELU.

    With `residual` what came out of the first block is added to what goes into the last GELU.
    """

    def __init__(self, num_inputs: int, num_outputs: int, *, convs: int, residual: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(
            OrderedDict[str, nn.Module](
                conv=_conv(num_inputs, num_outputs), pool=nn.MaxPool2d(2), norm=_norm(num_outputs), gelu=nn.GELU()
            )
        )
        rest = OrderedDict[str, nn.Module]()
        for number in range(2, convs + 1):
            rest[f"conv{number}"] = _conv(num_outputs, num_outputs)
            rest[f"norm{number}"] = _norm(num_outputs)
            if number < convs:
                rest[f"gelu{number}"] = nn.GELU()
        self.rest = nn.Sequential(rest)
        self.sum = Sum() if residual else None
        self.gelu = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        y = self.rest(x)
        return self.gelu(y if self.sum is None else self.sum(y, x))  # type: ignore[no-any-return]


class SpeedNet(nn.Sequential):
    """See the module; `initialize` must be called with training images before training."""

    bias_part = 1.0
    """Part of a training's steps in which the first layer's bias is to learn."""
    is_learning_bias = True
    """Whether it learns at present."""

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W images to N×classes logits."""
        if self.is_learning_bias:
            return super().forward(x)  # type: ignore[no-any-return,no-untyped-call]
        # Not by `requires_grad`: torch.compile would not see it change before PyTorch 2.12, and go on without learning.
        first, *rest = self
        with torch.no_grad():
            x = first(x)
        for module in rest:
            x = module(x)
        return x

    def initialize(self, inputs: Tensor) -> None:
        """Set the filters of the first layer from training images as the network will see them, B×C×H×W."""
        whiten: nn.Conv2d = self.whiten  # type: ignore[assignment]
        with torch.no_grad():
            whiten.weight.copy_(whitening_filters(inputs))


def speednet(
    *,
    num_classes: int,
    image_shape: tuple[int, int, int],
    width1: Positive = 64,
    width2: Positive = 256,
    width3: Positive = 256,
    convs: Annotated[int, Meta(ge=2)] = 2,
    residual: bool = False,
    bias_part: Fraction = 1.0,
) -> SpeedNet:
    """N×C×H×W images to N×`num_classes` logits; 1,975,128 parameters, 288 of them frozen, for ten classes of 3×32×32.

    Args:
        num_classes: logits an image.
        image_shape: channels, height and width; smaller images may be given to the network later on.
        width1: channels of the first group.
        width2: of the second.
        width3: of the third.
        convs: convolutions in a group.
        residual: whether each group has a shortcut past all but its first convolution.
        bias_part: part of the training's steps in which the first layer's bias learns.

    Raises:
        UsageError: images under 16×16, of which three poolings leave too little.
    """
    require_side("speednet", image_shape, 16)
    channels = image_shape[0]
    num_whitened = 2 * channels * _PATCH**2
    whiten = nn.Conv2d(channels, num_whitened, _PATCH)
    whiten.weight.requires_grad = False
    nn.init.zeros_(whiten.bias)  # type: ignore[arg-type]
    fc = nn.Linear(width3, num_classes, bias=False)
    nn.init.normal_(fc.weight)
    model = SpeedNet(
        OrderedDict[str, nn.Module](
            whiten=whiten,
            gelu=nn.GELU(),
            group1=Group(num_whitened, width1, convs=convs, residual=residual),
            group2=Group(width1, width2, convs=convs, residual=residual),
            group3=Group(width2, width3, convs=convs, residual=residual),
            pool=GlobalMaxPool2d(),
            flatten=nn.Flatten(),
            fc=fc,
            scale=Scale(1 / width3),
        )
    )
    model.bias_part = bias_part
    return model


def whitening_filters(inputs: Tensor) -> Tensor:
    """Filters that whiten the patches of images B×C×H×W: 2·C·p²×C×p×p with p = 2, the second half the first negated."""
    channels = inputs.shape[1]
    side = channels * _PATCH**2
    covariance = inputs.new_zeros((side, side), dtype=torch.float64)
    for part in torch.split(inputs, _IMAGES_AT_ONCE):
        patches = part.unfold(2, _PATCH, 1).unfold(3, _PATCH, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, side).double()
        covariance += patches.T @ patches / len(patches) * (len(part) / len(inputs))
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    filters = (eigenvectors / (eigenvalues + _EPSILON).sqrt()).T.flip(0)  # the largest eigenvalue first
    # An eigenvector's sign is arbitrary, and libraries differ; the filter and its negative are both there, but in a
    # fixed order.
    largest = filters.abs().argmax(1, keepdim=True)
    filters = filters * filters.gather(1, largest).sign()
    return torch.cat((filters, -filters)).view(-1, channels, _PATCH, _PATCH).to(inputs.dtype)


def _conv(num_inputs: int, num_outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(num_inputs, num_outputs, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[:num_inputs])
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    # Statistics follow within a step or two: over so few steps an average over many would lag behind the weights.
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad = False
    return norm
