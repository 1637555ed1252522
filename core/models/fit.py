"""Does a network fit the images?"""

from __future__ import annotations

from core.errors import UsageError


def require_side(network: str, image_shape: tuple[int, int, int], side: int) -> None:
    """Refuse images that the network's strides and poolings would shrink to nothing.

    Raises:
        UsageError: the height or the width is less than `side` pixels.
    """
    _, height, width = image_shape
    if min(height, width) < side:
        raise UsageError(f"{network} needs images of at least {side}x{side} pixels; these are {height}x{width}.")
