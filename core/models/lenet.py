"""LeNet with three convolutions, the network of recipe c10-lenet.

The pattern of convolution, pooling and fully connected layers is LeCun et al., "Gradient-based learning applied to
document recognition", 1998.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from core.models.dropout import Dropout
from core.models.fit import require_side
from core.models.order import pooling_first


def lenet(*, num_classes: int, image_shape: tuple[int, int, int], pool_first: bool = False) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 541,094 parameters for ten classes of 3×32×32.

    Args:
        num_classes: logits per image.
        image_shape: channels, height, width.
        pool_first: pool before the ReLUs: the same function, and faster.

    Raises:
        UsageError: images under 8×8, of which three poolings leave nothing.
    """
    require_side("lenet", image_shape, 8)
    channels, height, width = image_shape
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(channels, 16, 3, padding=1),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(16, 32, 3, padding=1),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(32, 64, 3, padding=1),
        relu3=nn.ReLU(inplace=True),
        pool3=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(64 * (height // 8) * (width // 8), 500),
        relu4=nn.ReLU(inplace=True),
        dropout=Dropout(0.5),
        fc2=nn.Linear(500, num_classes),
    )
    return nn.Sequential(pooling_first(layers) if pool_first else layers)
