"""The headless trainer in a real terminal: Ctrl-C, a terminal that goes away, and memory that runs out."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pexpect
import pytest
import torch

from core import events as ev
from core.attempt import explain_out_of_memory
from core.errors import ExitCode
from core.reader import read_all
from core.recipes import get_recipe
from core.runfolder import RunFolder
from tests.training import image_folder

_ROOT = Path(__file__).parents[2]


def trainer(tmp_path: Path, epochs: int) -> tuple[pexpect.spawn, RunFolder]:
    """A trainer of tiny images in a pty of its own, past its first epoch."""
    images = image_folder(tmp_path / "images")
    child = pexpect.spawn(
        sys.executable,
        f"-m tui --no-ui -r c10-lenet --dataset folder:{images} --epochs {epochs} --batch-size 8 --set threads=1 "
        f"--set data.normalize=train --runs-dir {tmp_path / 'runs'} --run-id run".split(),
        env=os.environ | {"PYTHONPATH": str(_ROOT), "TERM": "xterm-256color"},
        dimensions=(24, 120),
        timeout=90,
    )
    child.expect("epoch 2/")
    return child, RunFolder(tmp_path / "runs" / "run")


def ended(folder: RunFolder) -> ev.RunEnded:
    event = read_all(folder.events_file)[-1].event
    assert isinstance(event, ev.RunEnded)
    return event


def test_ctrl_c_stops_with_a_checkpoint(tmp_path: Path) -> None:
    child, folder = trainer(tmp_path, 5000)
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, child.signalstatus) == (0, None)
    assert ended(folder).status == "stopped"
    assert "checkpoint step-" in ended(folder).reason


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM], ids=lambda number: number.name)
def test_a_batch_system_s_signal_preempts(number: signal.Signals, tmp_path: Path) -> None:
    child, folder = trainer(tmp_path, 5000)
    child.kill(number)
    child.expect(pexpect.EOF)
    child.wait()
    assert (child.exitstatus, child.signalstatus) == (int(ExitCode.PREEMPTED), None)
    assert ended(folder).status == "preempted"


def test_training_outlives_its_terminal(tmp_path: Path) -> None:
    child, folder = trainer(tmp_path, 40)
    os.close(child.child_fd)  # the terminal hangs up, and what is written to it fails from now on
    child.closed = True
    _, status = os.waitpid(child.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert (ended(folder).status, ended(folder).epoch) == ("finished", 40)


def test_memory_that_runs_out_is_explained_with_what_to_try() -> None:
    config = get_recipe("c10-lenet").config
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert explain_out_of_memory(caught.value, config) == "out of memory at batch size 100: use a smaller --batch-size"
    assert explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"), config) is not None
    assert explain_out_of_memory(RuntimeError("something else"), config) is None
