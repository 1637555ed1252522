"""The sum of a residual block."""

from __future__ import annotations

from torch import Tensor, nn


class Sum(nn.Module):
    """Add two branches of equal shape. A module of its own so that `core.models.summary` sees where branches meet."""

    def forward(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        return branch + shortcut
