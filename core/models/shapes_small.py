"""A small network for the embedded shapes set, quick on two CPU cores."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from core.models.fit import require_side

_WIDTHS = (16, 32, 64)


def shapes_small(*, num_classes: int, image_shape: tuple[int, int, int]) -> nn.Sequential:
    """N×C×H×W images to N×`num_classes` logits; 24,346 parameters for ten classes of three channels.

    Three times conv 3×3 without bias, batch norm, ReLU, and max pooling after the first two; then the average over
    the map, so that any image size fits.

    Raises:
        UsageError: images under 4×4, of which two poolings leave nothing.
    """
    require_side("shapes-small", image_shape, 4)
    layers = OrderedDict[str, nn.Module]()
    channels = image_shape[0]
    for number, width in enumerate(_WIDTHS, start=1):
        layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(width)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if number < len(_WIDTHS):
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        channels = width
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, num_classes)
    return nn.Sequential(layers)
