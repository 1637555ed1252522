"""Does a network fit the images, and a convolution a method?"""

from __future__ import annotations

from torch import nn

from core.errors import UsageError


def require_side(network: str, image_shape: tuple[int, int, int], side: int) -> None:
    """Refuse images that the network's strides and poolings would shrink to nothing.

    Raises:
        UsageError: the height or the width is less than `side` pixels.
    """
    _, height, width = image_shape
    if min(height, width) < side:
        raise UsageError(f"{network} needs images of at least {side}x{side} pixels; these are {height}x{width}.")


def is_same_3x3(conv: nn.Conv2d) -> bool:
    """3×3 filters, stride 1 and a padding of 1 zero, all inputs to all outputs."""
    return (
        conv.kernel_size == (3, 3)
        and conv.stride == (1, 1)
        and conv.padding == (1, 1)
        and conv.dilation == (1, 1)
        and conv.groups == 1
        and conv.padding_mode == "zeros"
    )
