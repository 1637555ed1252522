"""ResNet-26 with 16 to 128 channels, the network of the recipes c100-resnet26-adam….

Basic blocks after He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385 (option B: a 1×1
convolution where a shortcut changes shape, here without batch norm). Convolutions have biases.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from core.models.fit import require_side
from core.models.residual import Sum

_BLOCKS_PER_STAGE = 3
_WIDTHS = (16, 32, 64, 128)  # the first block of every stage but the first halves the side


class Block(nn.Module):
    """conv, BN, ReLU, conv, BN, plus the input, ReLU."""

    def __init__(self, num_inputs: int, num_outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_inputs, num_outputs, 3, stride=stride, padding=1)
        self.norm1 = nn.BatchNorm2d(num_outputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(num_outputs, num_outputs, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(num_outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(num_inputs, num_outputs, 1, stride=stride))
        self.sum = Sum()
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.sum(self.norm2(self.conv2(branch)), self.shortcut(x)))  # type: ignore[no-any-return]


def resnet26_w16(
    *, num_classes: int, image_shape: tuple[int, int, int], stem_kernel: Literal[3, 5] = 3
) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 1,106,948 parameters for 100 classes of 3×32×32.

    The last pooling takes the mean over the whole map: avgpool 4, as published, for 32×32 images, and the network
    accepts other sizes.

    Args:
        num_classes: logits per image.
        image_shape: channels, height, width.
        stem_kernel: side of the first convolution's kernel. Its padding is 1 for both, so that a kernel of 5 takes
            32×32 to 30×30, and the stages to 15, 8 and 4: the same 4×4 at the end.

    Raises:
        UsageError: images under 4×4.
    """
    require_side("resnet26-w16", image_shape, 4)
    channels, height, width = image_shape
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(channels, _WIDTHS[0], stem_kernel, padding=1),
        norm=nn.BatchNorm2d(_WIDTHS[0]),
        relu=nn.ReLU(inplace=True),
    )
    num_inputs = _WIDTHS[0]
    for number, num_outputs in enumerate(_WIDTHS, start=1):
        blocks = [Block(num_inputs, num_outputs, 1 if number == 1 else 2)]
        blocks += [Block(num_outputs, num_outputs, 1) for _ in range(_BLOCKS_PER_STAGE - 1)]
        layers[f"stage{number}"] = nn.Sequential(*blocks)
        num_inputs = num_outputs
    layers["pool"] = nn.AvgPool2d((_last_side(height, stem_kernel), _last_side(width, stem_kernel)))
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(num_inputs, num_classes)
    return nn.Sequential(layers)


def _last_side(side: int, stem_kernel: int) -> int:
    """After the stem at padding 1 and three strides of 2 that round up."""
    return -(-(side + 3 - stem_kernel) // 8)
