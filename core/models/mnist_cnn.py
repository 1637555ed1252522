"""Two 5×5 convolutions without padding, the network of recipes mnist-cnn and mnist-cnn-original."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from core.models.fit import require_side
from core.models.order import pooling_first


def mnist_cnn(
    *, num_classes: int, image_shape: tuple[int, int, int], relu_logits: bool = False, pool_first: bool = False
) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 46,730 parameters for ten classes of 1×28×28.

    Args:
        num_classes: logits per image.
        image_shape: channels, height, width.
        relu_logits: put a ReLU on the logits, as the tutorial does. A class whose logit is negative then gets no
            gradient, which is what stalls its first epochs.
        pool_first: pool before the ReLUs: the same function, and faster.

    Raises:
        UsageError: images under 16×16, of which two convolutions and poolings leave nothing.
    """
    require_side("mnist-cnn", image_shape, 16)
    channels, height, width = image_shape
    layers = OrderedDict[str, nn.Module](
        conv1=nn.Conv2d(channels, 16, 5),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(16, 32, 5),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(32 * _side(height) * _side(width), 64),
        relu3=nn.ReLU(inplace=True),
        fc2=nn.Linear(64, num_classes),
    )
    if relu_logits:
        layers["relu4"] = nn.ReLU(inplace=True)
    return nn.Sequential(pooling_first(layers) if pool_first else layers)


def _side(side: int) -> int:
    return ((side - 4) // 2 - 4) // 2
