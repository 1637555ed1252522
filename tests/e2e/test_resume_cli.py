"""`--resume` and `--fork` on the command line: harmless changes, refused ones, new runs, and memory that runs out."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ExitCode
from core.fold import fold
from core.runfolder import RunFolder, find_run
from tests.training import image_folder

_ROOT = Path(__file__).parents[2]


class Machine:
    """A place to run the command line in."""

    def __init__(self, tmp_path: Path) -> None:
        self.images = image_folder(tmp_path / "images")
        self.runs = tmp_path / "runs"

    def __call__(self, *words: str, memory_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if memory_bytes is not None:
                resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))

        return subprocess.run(
            [sys.executable, "-m", "tui", *words, "--runs-dir", str(self.runs)],
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            preexec_fn=limit,
            capture_output=True,
            text=True,
            check=False,
        )

    def train(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A new run of two epochs."""
        data = f"--dataset folder:{self.images} --batch-size 8 --set threads=1 --set data.normalize=train"
        return self("--no-ui", "-r", "c10-lenet", "--epochs", "2", *data.split(), *words)

    def shown(self, run: str) -> dict[str, object]:
        facts: dict[str, object] = json.loads(self("show", run, "--json").stdout)
        return facts


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    assert machine.train("--run-id", "first").returncode == 0
    return machine


def test_more_epochs_go_on_in_the_same_run(machine: Machine) -> None:
    assert machine.train("--run-id", "longer").returncode == 0
    assert machine("--no-ui", "--resume", "longer", "--epochs", "3").returncode == 0
    assert machine.shown("longer")["epoch"] == 3
    assert RunFolder(machine.runs / "longer").read_manifest().parent is None


def test_a_finished_run_is_left_alone(machine: Machine) -> None:
    done = machine("--no-ui", "--resume", "auto", "--run-id", "first")
    assert (done.returncode, "already finished" in done.stderr) == (0, True)


def test_settings_that_make_another_run_are_refused_and_listed(machine: Machine) -> None:
    refused = machine("--no-ui", "--resume", "first", "--lr", "0.5", "--epochs", "4")
    assert refused.returncode == ExitCode.USAGE
    assert "optimizer.lr: 0.001 → 0.5" in refused.stderr
    assert "--fork" in refused.stderr
    assert "epochs" not in refused.stderr


def test_settings_that_turn_out_to_be_of_no_use_here_are_not_kept(machine: Machine) -> None:
    assert machine.train("--run-id", "kept").returncode == 0
    before = RunFolder(machine.runs / "kept").read_manifest()
    assert machine("--no-ui", "--resume", "kept", "--epochs", "3", "--device", "cuda:99").returncode == ExitCode.USAGE
    assert RunFolder(machine.runs / "kept").read_manifest() == before
    state = fold(machine.runs / "kept" / "events.jsonl")
    ended = state.attempt_ended
    assert ended is not None
    assert (ended.status, ended.step, ended.epoch) == ("failed", 12, 2), "what was trained is not told as nothing"
    assert state.status == "finished"
    assert "already finished" in machine("--no-ui", "--resume", "kept").stderr
    assert machine("evaluate", "kept").returncode == 0


def test_a_fork_goes_on_in_a_new_run_that_names_its_parent(machine: Machine) -> None:
    forked = machine("--no-ui", "--resume", "first", "--fork", "--lr", "0.0005", "--epochs", "4", "--run-id", "second")
    assert forked.returncode == 0, forked.stderr
    assert RunFolder(machine.runs / "second").read_manifest().parent == "first"
    assert machine.shown("second")["epoch"] == 4
    assert machine.shown("first")["epoch"] == 2


def test_a_fork_without_a_checkpoint_is_not_begun_anew(machine: Machine) -> None:
    assert machine("--no-ui", "--resume", "first", "--fork", "--epochs", "3", "--run-id", "bare").returncode == 0
    assert machine("--no-ui", "--resume", "bare", "--epochs", "4").returncode == 0
    shutil.rmtree(machine.runs / "bare" / "checkpoints")
    refused = machine("--no-ui", "--resume", "bare", "--epochs", "5")
    assert (refused.returncode, "fork first again" in refused.stderr) == (ExitCode.BAD_CHECKPOINT, True)


def test_a_fork_of_the_last_run_may_have_a_name_too(machine: Machine) -> None:
    newest = find_run(machine.runs, "last").id
    forked = machine("--no-ui", "--resume", "last", "--fork", "--epochs", "5", "--run-id", "named")
    assert forked.returncode == 0, forked.stderr
    assert RunFolder(machine.runs / "named").read_manifest().parent == newest


def test_auto_needs_a_name(machine: Machine) -> None:
    refused = machine("--no-ui", "--resume", "auto")
    assert (refused.returncode, "--run-id" in refused.stderr) == (ExitCode.USAGE, True)


def test_a_checkpoint_that_is_not_there(machine: Machine) -> None:
    assert machine("--no-ui", "--resume", "nosuchrun").returncode == ExitCode.USAGE


def test_memory_that_runs_out_ends_with_4_and_says_what_to_try(machine: Machine) -> None:
    # The images of such a batch are small; what the first convolutions make of them is many GiB.
    words = (
        "--no-ui -r c100super-resnet9 --dataset shapes --batch-size 10000 --set threads=1 --max-steps 1 --run-id large"
    )
    full = machine(*words.split(), memory_bytes=6 << 30)
    assert full.returncode == ExitCode.OUT_OF_MEMORY, full.stderr
    assert "out of memory at batch size 10000: use a smaller --batch-size" in full.stderr + full.stdout


def test_two_trainers_on_one_run_are_one_too_many(machine: Machine) -> None:
    folder = RunFolder(machine.runs / "first")
    with folder.lock():  # as a trainer at work holds it
        second = machine("--no-ui", "--resume", "first", "--epochs", "50")
    assert second.returncode == ExitCode.RUN_IN_USE
    assert "attach first" in second.stderr
    assert machine.shown("first")["state"] == "finished"
