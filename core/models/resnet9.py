"""ResNet-9, the network of recipe c100super-resnet9.

The network is well known from DAWNBench (David Page, "How to train your ResNet", 2018) and from the course that the
tutorial follows, whose convolutions have biases.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from core.models.fit import require_side
from core.models.order import pooling_first
from core.models.residual import Sum


class Residual(nn.Module):
    """Two convolution blocks plus their input; no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block1 = _block(channels, channels)
        self.block2 = _block(channels, channels)
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        return self.sum(self.block2(self.block1(x)), x)  # type: ignore[no-any-return]


def resnet9(*, num_classes: int, image_shape: tuple[int, int, int], pool_first: bool = False) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 6,580,500 parameters for 20 classes of 3×32×32.

    The last pooling takes the maximum over the whole map: maxpool 4, as published, for 32×32 images, and the network
    accepts other sizes.

    Args:
        num_classes: logits per image.
        image_shape: channels, height, width.
        pool_first: pool before the ReLUs: the same function, and faster.

    Raises:
        UsageError: images under 8×8, of which three poolings leave nothing.
    """
    require_side("resnet9", image_shape, 8)
    channels, height, width = image_shape
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv1=_block(channels, 64),
            conv2=_block(64, 128, pool=True, pool_first=pool_first),
            res1=Residual(128),
            conv3=_block(128, 256, pool=True, pool_first=pool_first),
            conv4=_block(256, 512, pool=True, pool_first=pool_first),
            res2=Residual(512),
            pool=nn.MaxPool2d((height // 8, width // 8)),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, num_classes),
        )
    )


def _block(num_inputs: int, num_outputs: int, *, pool: bool = False, pool_first: bool = False) -> nn.Sequential:
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(num_inputs, num_outputs, 3, padding=1),
        norm=nn.BatchNorm2d(num_outputs),
        relu=nn.ReLU(inplace=True),
    )
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(pooling_first(layers) if pool_first else layers)
