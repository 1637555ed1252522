"""Checkpoints made to run code when they are opened: they run nothing and are refused with a sentence."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoint import load_checkpoint
from core.errors import CheckpointError
from tests.checkpoints import save, with_contents


class Reduced:
    """Unpickles into a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


class WithState:
    """Unpickles into an object whose state is set by a call."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (_touched, (str(self.mark),))


def _touched(mark: str) -> str:
    Path(mark).touch()
    return mark


def _payloads(mark: Path) -> dict[str, Any]:
    return {
        "os.system": Reduced(os.system, f"touch {mark}"),
        "builtins.exec": Reduced(builtins.exec, f"open({str(mark)!r}, 'w').close()"),
        "subprocess": Reduced(subprocess.call, ["touch", str(mark)]),
        "builtins.getattr of a module": Reduced(eval, f"__import__('pathlib').Path({str(mark)!r}).touch()"),
        "a class of its own": WithState(mark),
    }


def _assert_refused(data: bytes, folder: Path) -> None:
    path = save(folder)
    with_contents(path, data)
    with pytest.raises(CheckpointError, match=f"checkpoint {path} cannot be loaded: ") as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value), "one sentence, not PyTorch's page of advice"


@pytest.mark.parametrize("place", ["model", "optimizer", "progress"])
@pytest.mark.parametrize("kind", list(_payloads(Path("x"))))
def test_nothing_runs(kind: str, place: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    payload = _payloads(mark)[kind]
    pickle.loads(pickle.dumps(payload))
    assert mark.exists(), "the payload is harmless, and the test would prove nothing"
    mark.unlink()
    buffer = io.BytesIO()
    torch.save({"model": {}, "optimizer": {}, "progress": {}} | {place: payload}, buffer)
    _assert_refused(buffer.getvalue(), tmp_path / "checkpoints")
    assert not mark.exists()


def test_nothing_runs_of_a_bare_pickle(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    _assert_refused(pickle.dumps({"model": _payloads(mark)["os.system"]}), tmp_path / "checkpoints")
    assert not mark.exists()
