"""Checkpoints of a small state, and what may be done to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch

from core.checkpoint import save_checkpoint

STATE: dict[str, Any] = {
    "model": {
        "weight": torch.tensor([[1.5, -2.0]]),
        "steps": torch.tensor(7),
        "half": torch.ones(2, dtype=torch.bfloat16),
    },
    "optimizer": {"state": {0: {"momentum": torch.tensor([0.25])}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "progress": {"step": 3, "best": None, "name": "é"},
}


def save(folder: Path, step: int = 3, *, keep: bool = False, state: dict[str, Any] = STATE) -> Path:
    """Save a state as the end of an epoch does; where it lies."""
    return save_checkpoint(
        folder, state, step=step, epoch=1, reason="epoch", keep=keep, metrics={"validation_top1": 0.5}
    )[0]


def litter(folder: Path) -> list[str]:
    """What a save should not leave behind."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def truncate(path: Path) -> None:
    """Cut off the last byte of a state."""
    data = (path / "state.pt").read_bytes()
    (path / "state.pt").write_bytes(data[:-1])


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what is said of a state."""
    meta = msgspec.json.decode((path / "meta.json").read_bytes())
    change(meta)
    (path / "meta.json").write_bytes(msgspec.json.encode(meta))


def with_contents(path: Path, data: bytes) -> None:
    """Put other bytes in the place of a state, with a checksum that fits."""
    (path / "state.pt").write_bytes(data)
    rewrite(path, lambda meta: meta.update(sha256=hashlib.sha256(data).hexdigest(), num_bytes=len(data)))
