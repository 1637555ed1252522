"""Optimisers from their configuration."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from core.config import OptimizerConfig
from core.errors import UsageError
from core.optim.muon import Muon

# One fused kernel does the whole step. On two CPU cores (torch 2.15) a step of Adam took, fused / foreach / loop:
# lenet .20 / .59 / .66 ms, resnet26-w16 .94 / 3.5 / 4.5 ms, resnet9 2.2 / 7.9 / 9.6 ms; SGD is the same story.
_FUSED_DEVICES = ("cuda", "cpu")


def build_optimizer(model: nn.Module, config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """The optimiser of a model's parameters, all in one group, with the base learning rate.

    Weight decay acts on every parameter, biases and batch norm included, as in all the published systems (for muon on
    all but the filters, whose size it keeps). Parameters that need no gradient are left out. Clipping and label
    smoothing are the training loop's.

    Args:
        model: its parameters must be on `device` already.
        config: clip_value, clip_norm and label_smoothing are not used here.
        device: decides whether the fused kernels are used.

    Raises:
        UsageError: the optimiser cannot have these settings.
    """
    try:
        return _build(model, config, device)
    except ValueError as error:
        raise UsageError(f"optimizer {config.name} cannot be made: {error}") from error


def _build(model: nn.Module, config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
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
        case "muon":
            return _build_muon(model, config)


def _build_muon(model: nn.Module, config: OptimizerConfig) -> Muon:
    """Filters, linear weights, and biases with batch norm, each with a learning rate of their own."""
    filters: list[Tensor] = []
    linear: list[Tensor] = []
    biases: list[Tensor] = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            (filters if parameter.ndim == 4 else linear if parameter.ndim == 2 else biases).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": filters, "lr": config.lr, "momentum": config.momentum, "orthogonal": True, "lr_ratio": 1.0}
    ]
    for parameters, lr in ((linear, config.linear_lr), (biases, config.bias_lr)):
        if parameters and lr > 0:
            decay = config.weight_decay / lr
            ratio = lr / config.lr if config.lr > 0 else 0.0
            groups.append(
                {"params": parameters, "lr": lr, "momentum": config.sgd_momentum, "weight_decay": decay}
                | {"lr_ratio": ratio}
            )
    return Muon(group for group in groups if group["params"])


def set_hyperparameters(optimizer: torch.optim.Optimizer, *, lr: float, momentum: float | None = None) -> None:
    """Set the learning rate of the next step and, unless it is None, its momentum (Adam, AdamW: beta1).

    A group with a `lr_ratio` gets the learning rate times that.
    A learning rate that is held in a tensor (CUDA graphs) is filled in place, without a synchronisation.
    """
    for group in optimizer.param_groups:
        own = lr * group.get("lr_ratio", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own
        if momentum is None:
            continue
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        else:
            group["momentum"] = momentum
