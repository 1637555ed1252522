"""A save that dies at any of its system calls leaves a checkpoint that loads: the one before, or the new one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoint import load_newest, point, prune, resolve_checkpoint, save_checkpoint

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["core.checkpoint"])
_CALLS = ("fsync", "rename", "replace", "mkdir", "rmdir", "unlink", "open", "close", "scandir")


def _save(folder: Path, step: int) -> None:
    """What a trainer does at the end of a good epoch."""
    state = {"model": {"weight": torch.full((64, 64), float(step))}, "progress": {"step": step}}
    path, _ = save_checkpoint(folder, state, step=step, epoch=step, reason="epoch", keep=False, metrics={})
    point(folder, "best", path.name)
    prune(folder, keep_last=1, protected=[path])


def _die_at(number: int, folder: Path, step: int) -> None:
    """Save, but be gone before system call `number` (from 0); exit code 7 says that it came to that."""
    count = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **keywords: Any) -> Any:
            nonlocal count
            if count == number:
                os._exit(7)
            count += 1
            return call(*args, **keywords)

        return wrapper

    for name in _CALLS:
        setattr(os, name, counted(getattr(os, name)))
    _save(folder, step)
    os._exit(0)


@pytest.mark.parametrize("second", [2, 1], ids=["a later step", "the same step again"])
def test_a_save_that_dies_at_any_system_call(tmp_path: Path, second: int) -> None:
    number = 0
    while True:
        folder = tmp_path / f"checkpoints-{number}"
        folder.mkdir()
        _save(folder, 1)
        child = _processes.Process(target=_die_at, args=(number, folder, second))
        child.start()
        child.join()
        problems: list[Exception] = []
        found = load_newest(folder, problems.append)
        assert not problems, f"died before call {number}"
        assert found is not None, f"died before call {number}"
        assert found[1]["progress"]["step"] in (1, second)
        best = resolve_checkpoint(folder, "best")
        assert (best / "state.pt").is_file()
        _save(folder, 3)  # and whatever it left behind is in nobody's way
        assert load_newest(folder, problems.append)[1]["progress"]["step"] == 3  # type: ignore[index]
        assert [path.name for path in sorted(folder.iterdir())] == ["best", "last", "step-00000003"]
        if child.exitcode == 0:
            break
        assert child.exitcode == 7
        number += 1
    assert number > 15, "the save makes more calls than that: the counting does not work"
