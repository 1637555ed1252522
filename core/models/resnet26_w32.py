"""ResNet-26 with 32 to 256 channels, the network of recipe c100-resnet26-sgd.

Basic blocks after He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, but without the ReLU
after the sum, and with a 3×3 convolution where a shortcut changes shape.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from core.models.fit import require_side
from core.models.residual import Sum

_STEM_WIDTH = 32
_STAGES = ((2, 32, 1), (4, 64, 2), (4, 128, 2), (2, 256, 2))  # blocks, channels, stride of the first block


class Block(nn.Module):
    """conv, BN, ReLU, conv, BN, plus the input; nothing after the sum."""

    def __init__(self, num_inputs: int, num_outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(num_inputs, num_outputs, stride)
        self.norm1 = nn.BatchNorm2d(num_outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv(num_outputs, num_outputs)
        self.norm2 = nn.BatchNorm2d(num_outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or num_inputs != num_outputs:
            self.shortcut.append(_conv(num_inputs, num_outputs, stride))
            self.shortcut.append(nn.BatchNorm2d(num_outputs))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        branch = self.relu(self.norm1(self.conv1(x)))
        return self.sum(self.norm2(self.conv2(branch)), self.shortcut(x))  # type: ignore[no-any-return]


def resnet26_w32(*, num_classes: int, image_shape: tuple[int, int, int]) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 3,903,620 parameters for 100 classes of 3×32×32.

    The last pooling takes the maximum over the whole map: maxpool 4 at stride 1, as published, for 32×32 images, and
    the network accepts other sizes.

    Raises:
        UsageError: images under 2×2.
    """
    require_side("resnet26-w32", image_shape, 2)
    channels, height, width = image_shape
    layers = OrderedDict[str, nn.Module](
        conv=_conv(channels, _STEM_WIDTH),
        norm=nn.BatchNorm2d(_STEM_WIDTH),
        relu=nn.ReLU(inplace=True),
        dropout=nn.Dropout2d(0.02),
    )
    num_inputs = _STEM_WIDTH
    for number, (num_blocks, num_outputs, stride) in enumerate(_STAGES, start=1):
        blocks = [Block(num_inputs, num_outputs, stride)]
        blocks += [Block(num_outputs, num_outputs, 1) for _ in range(num_blocks - 1)]
        layers[f"stage{number}"] = nn.Sequential(*blocks)
        num_inputs = num_outputs
    # Three stages halve the side, rounding up.
    layers["pool"] = nn.MaxPool2d((-(-height // 8), -(-width // 8)), stride=1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(num_inputs, num_classes)
    network = nn.Sequential(layers)
    network.apply(_initialise)
    return network


def _conv(num_inputs: int, num_outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(num_inputs, num_outputs, 3, stride=stride, padding=1, bias=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
