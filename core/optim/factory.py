"""Optimisers from their configuration."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.config import OptimizerConfig

# One fused kernel does the whole step. On two CPU cores (torch 2.15) a step of Adam took, fused / foreach / loop:
# lenet .20 / .59 / .66 ms, resnet26-w16 .94 / 3.5 / 4.5 ms, resnet9 2.2 / 7.9 / 9.6 ms; SGD is the same story.
_FUSED_DEVICES = ("cuda", "cpu")


def build_optimizer(model: nn.Module, config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """The optimiser of a model's parameters, all in one group, with the base learning rate.

    Weight decay acts on every parameter, biases and batch norm included, as in all the published systems. Clipping and
    label smoothing are the training loop's.

    Args:
        model: its parameters must be on `device` already.
        config: clip_value, clip_norm and label_smoothing are not used here.
        device: decides whether the fused kernels are used.
    """
    parameters = list(model.parameters())
    fused = True if device.type in _FUSED_DEVICES else None
    match config.name:
        case "sgd":
            return torch.optim.SGD(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
                fused=fused,
            )
        case "adam":
            return torch.optim.Adam(
                parameters,
                lr=config.lr,
                betas=config.betas,
                eps=config.eps,
                weight_decay=config.weight_decay,
                fused=fused,
            )
        case "adamw":
            return torch.optim.AdamW(
                parameters,
                lr=config.lr,
                betas=config.betas,
                eps=config.eps,
                weight_decay=config.weight_decay,
                fused=fused,
            )


def set_hyperparameters(optimizer: torch.optim.Optimizer, *, lr: float, momentum: float | None = None) -> None:
    """Set the learning rate of the next step and, unless it is None, its momentum (Adam, AdamW: beta1).

    A learning rate that is held in a tensor (CUDA graphs) is filled in place, without a synchronisation.
    """
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr
        if momentum is None:
            continue
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum
