"""Pooling that PyTorch has in another form only."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class GlobalMaxPool2d(nn.Module):
    """The largest value of each map, B×C×H×W to B×C×1×1.

    What nn.AdaptiveMaxPool2d(1) gives, whose gradient on a GPU is not deterministic and refused in deterministic runs.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, x.shape[-2:])
