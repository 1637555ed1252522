"""What a trainer does again and again for days leaves no descriptor open: a process may have a thousand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core import events as ev
from core.checkpoint import save_checkpoint
from core.control import parse_command, send, take
from core.recorder import Recorder


def _make_durable(recorder: Recorder) -> None:
    recorder.emit(ev.Notice(level="info", text="new"))
    recorder.sync()


def _take_a_command(recorder: Recorder) -> None:
    folder = recorder.path.parent
    send(folder, parse_command(["checkpoint"]))
    assert len(take(folder)) == 1


def _save_a_checkpoint(recorder: Recorder) -> None:
    folder = recorder.path.parent / "checkpoints"
    save_checkpoint(folder, {}, step=1, epoch=1, reason="epoch", keep=False, metrics={})


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell which descriptors are open")
@pytest.mark.parametrize("do", [_make_durable, _take_a_command, _save_a_checkpoint])
def test_no_descriptor_stays_open(do: Callable[[Recorder], None], recorder: Recorder) -> None:
    do(recorder)
    before = len(os.listdir("/proc/self/fd"))
    do(recorder)
    assert len(os.listdir("/proc/self/fd")) == before
