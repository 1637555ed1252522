"""How much a device can compute and move, measured, and how much a training step needs of both, counted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch

from core.config import OptimizerConfig
from core.device import synchronize
from core.events import Layer

_MATRIX_SIDE = {"cpu": 1024}
_MATRIX_SIDE_ELSEWHERE = 8192
_COPY_BYTES = {"cpu": 256 << 20}  # far beyond any cache
_COPY_BYTES_ELSEWHERE = 1 << 30

# Forward: what a layer reads and writes. Backward: its input or output again, the gradient that comes and the one that
# goes on.
_ACCESSES_PER_ACTIVATION = 5
# Read forward, read backward, gradient written; then the optimiser's.
_ACCESSES_PER_PARAMETER = 3


def flops_per_image(layers: Sequence[Layer]) -> float:
    """Of a training step: forward, and backward twice that, for the gradients of inputs and of weights."""
    return 3.0 * sum(layer.flops for layer in layers)


def bytes_per_image(
    layers: Sequence[Layer], num_parameters: int, optimizer: OptimizerConfig, *, batch_size: int, value_bytes: int
) -> float:
    """What a training step moves if no layer is fused with the next and no cache holds anything from one to another.

    Args:
        layers: as `core.models.summary.describe` gives them.
        num_parameters: of the network.
        optimizer: decides how much state is read and written with the float32 parameters and gradients.
        batch_size: over which the parameters are shared out.
        value_bytes: of an activation: 4, or 2 in bfloat16.
    """
    activations = sum(math.prod(layer.output_shape) for layer in layers)
    if optimizer.name in ("adam", "adamw"):
        states = 2
    else:
        states = 1 if optimizer.momentum else 0
    of_optimizer = 3 + 2 * states  # parameter and gradient read, parameter written; each state read and written
    per_step = 4 * num_parameters * (_ACCESSES_PER_PARAMETER + of_optimizer)
    return value_bytes * activations * _ACCESSES_PER_ACTIVATION + per_step / batch_size


def matmul_flops_per_second(device: torch.device, dtype: torch.dtype, seconds: float) -> float:
    """The fastest of the products of two square matrices done within about `seconds`."""
    side = _MATRIX_SIDE.get(device.type, _MATRIX_SIDE_ELSEWHERE)
    left = torch.randn(side, side, device=device).to(dtype)
    right = torch.randn(side, side, device=device).to(dtype)
    product = torch.empty_like(left)
    precision = torch.backends.cuda.matmul.fp32_precision
    # By PyTorch's default float32 convolutions compute in TF32 on a GPU and products of matrices do not; the limit is
    # that of the convolutions.
    torch.backends.cuda.matmul.fp32_precision = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    try:
        return 2.0 * side**3 / _fastest(lambda: torch.mm(left, right, out=product), device, seconds)
    finally:
        torch.backends.cuda.matmul.fp32_precision = precision


def copy_bytes_per_second(device: torch.device, seconds: float) -> float:
    """Bytes read and bytes written in the fastest of the copies done within about `seconds`."""
    source = torch.ones(_COPY_BYTES.get(device.type, _COPY_BYTES_ELSEWHERE) // 4, device=device)
    target = torch.empty_like(source)
    return 2.0 * source.nbytes / _fastest(lambda: target.copy_(source), device, seconds)


def _fastest(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Seconds of the fastest call."""
    work()  # memory is mapped, kernels are chosen
    synchronize(device)
    until = time.perf_counter() + seconds
    fastest = math.inf
    while (started := time.perf_counter()) < until or fastest == math.inf:
        work()
        synchronize(device)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest
