"""Colour images with a pixel in one 32-bit word: red, green, blue and a byte of nothing.

A GPU that moves pixels about moves such a word in the time that it needs for a byte, and what comes out is laid out
with the channels last, as its convolutions want it. A CPU converts it more slowly than it gathers three bytes.
"""

from __future__ import annotations

import torch
from torch import Tensor

_BYTES = 4


def pack(images: Tensor) -> Tensor:
    """uint8 images N×3×H×W in words: a tensor of the same shape that looks at three bytes of each."""
    count, _, height, width = images.shape
    pixels = images.new_zeros((count, height, width, _BYTES))
    pixels[..., :3] = images.permute(0, 2, 3, 1)
    return unpack(pixels.view(torch.int32).squeeze(3))


def unpack(words: Tensor) -> Tensor:
    """Words N×H×W as the uint8 images N×3×H×W that they hold, in the same memory."""
    return words.unsqueeze(3).view(torch.uint8)[..., :3].permute(0, 3, 1, 2)


def words_of(images: Tensor) -> Tensor | None:
    """The words N×H×W that images came from, in the same memory; None where they lie otherwise."""
    count, channels, height, width = images.shape
    strides = (height * width * _BYTES, 1, width * _BYTES, _BYTES)
    if images.dtype != torch.uint8 or channels != 3 or images.stride() != strides:
        return None
    if images.storage_offset() % _BYTES:
        return None
    pixels = images.permute(0, 2, 3, 1).as_strided((count, height, width, _BYTES), (strides[0], *strides[2:], 1))
    return pixels.view(torch.int32).squeeze(3)
