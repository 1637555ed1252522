"""Whole trainings from the command line: what they print, what they leave behind, and that seeds decide them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import events as ev
from core.checkpoint import load_checkpoint, resolve_checkpoint
from core.reader import EventReader
from core.runfolder import RunFolder
from core.state import RunState
from tests.e2e.cli import PROGRAM, SHAPES, TIMEOUT_SECONDS, cifar_tui, environment, only_run, small
from tests.training import assert_identical, image_folder

Done = subprocess.CompletedProcess[str]
MAX_STEPS = 12


def close_stdout_after_a_line(images: Path, runs: Path) -> Done:
    """A reader that leaves early: `cifar-tui … --json | head -1`."""
    with subprocess.Popen(
        [*PROGRAM, *small(images), "--seed", "1", "--json"],
        env=environment(CIFAR_TUI_RUNS_DIR=str(runs)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        return subprocess.CompletedProcess([], process.wait(timeout=TIMEOUT_SECONDS), first, errors)


def without_stdout(images: Path, runs: Path) -> Done:
    """A caller that gives no standard output at all: `cifar-tui … >&-`."""
    command = [sys.executable, "-c", "import os, sys; os.close(1); os.execv(sys.argv[1], sys.argv[1:])"]
    return subprocess.run(
        [*command, *PROGRAM, *small(images), "--seed", "2"],
        env=environment(CIFAR_TUI_RUNS_DIR=str(runs)),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
    )


class Trainings:
    """Trainings that the tests of this file look at, each done once, two at a time."""

    def __init__(self, root: Path, pool: ThreadPoolExecutor) -> None:
        self.root = root
        images = image_folder(root / "images")
        self._done: dict[str, Future[Done]] = {
            "shapes": pool.submit(
                cifar_tui, *SHAPES, "--max-steps", str(MAX_STEPS), "--seed", "1", "--json", runs=root / "shapes"
            ),
            "seed 1": pool.submit(cifar_tui, *small(images), "--seed", "1", runs=root / "seed 1"),
            "seed 1, nobody listens": pool.submit(close_stdout_after_a_line, images, root / "seed 1, nobody listens"),
            "seed 2, no stdout": pool.submit(without_stdout, images, root / "seed 2, no stdout"),
            "diverging": pool.submit(cifar_tui, *small(images), "--lr", "1e30", runs=root / "diverging"),
        }

    def __getitem__(self, name: str) -> Done:
        return self._done[name].result()

    def runs(self, name: str) -> Path:
        """The folder of runs of a training, once it is done."""
        self[name]
        return self.root / name

    def folder(self, name: str) -> RunFolder:
        """The run folder of a training, once it is done."""
        return only_run(self.runs(name))


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ThreadPoolExecutor(2) as pool:
        yield Trainings(tmp_path_factory.mktemp("trainings"), pool)


def fold(folder: RunFolder) -> tuple[RunState, EventReader]:
    state, reader = RunState(), EventReader(folder.events_file)
    for record in reader.poll():
        state.apply(record)
    return state, reader


# -- the embedded set, as JSON ----------------------------------------------------------------------------------------


def test_the_events_on_stdout_are_those_of_the_file_byte_for_byte(trainings: Trainings) -> None:
    done = trainings["shapes"]
    assert done.returncode == 0, done.stderr
    assert done.stdout.encode() == trainings.folder("shapes").events_file.read_bytes()


def test_the_log_tells_the_whole_run(trainings: Trainings) -> None:
    folder = trainings.folder("shapes")
    records = EventReader(folder.events_file).poll()
    assert [record.seq for record in records] == list(range(len(records)))
    kinds = [type(record.event) for record in records]
    order = [ev.PhaseChanged, ev.RunStarted, ev.Batches, ev.EpochEnded, ev.CheckpointSaved, ev.RunEnded]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    assert kinds[-1] is ev.RunEnded


def test_max_steps_is_kept_to_the_step(trainings: Trainings) -> None:
    state, reader = fold(trainings.folder("shapes"))
    assert reader.num_corrupt == 0
    assert state.batches["step"].tolist() == list(range(MAX_STEPS))
    assert (state.step, state.num_steps, state.num_epochs, state.epoch) == (MAX_STEPS, MAX_STEPS, 1, 1)
    assert state.status == "finished"
    assert state.plan is not None
    assert state.plan.steps[-1] == MAX_STEPS - 1, "the schedule spans them"
    np.testing.assert_allclose(state.batches["lr"][-1], state.plan.lr[-1], rtol=1e-5)


def test_every_number_is_there_and_plausible(trainings: Trainings) -> None:
    state, _ = fold(trainings.folder("shapes"))
    for name in ("loss", "lr", "accuracy", "gradient_norm", "seconds", "elapsed"):
        assert np.isfinite(state.batches[name]).all(), name
    assert (state.batches["gradient_norm"] > 0).all()
    assert ((state.batches["accuracy"] >= 0) & (state.batches["accuracy"] <= 1)).all()
    (epoch,) = state.epochs
    confusion = np.array(epoch.validation.confusion)
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 2000
    assert epoch.validation.top1 == pytest.approx(np.trace(confusion) / 2000)
    assert epoch.validation.top5 is not None
    assert epoch.validation.top1 <= epoch.validation.top5 <= 1
    assert epoch.train_loss == pytest.approx(float(state.batches["loss"].mean()), rel=1e-4)
    assert epoch.train_accuracy == pytest.approx(float(state.batches["accuracy"].mean()), rel=1e-4)


def test_the_settings_in_the_log_are_those_of_the_manifest(trainings: Trainings) -> None:
    folder = trainings.folder("shapes")
    state, _ = fold(folder)
    manifest = folder.read_manifest()
    assert state.run is not None
    assert state.run.config == manifest.config
    assert (manifest.config["seed"], manifest.config["max_steps"]) == (1, MAX_STEPS)
    assert manifest.id == state.run.run_id == folder.id
    assert manifest.device is not None
    assert manifest.device["reason"]
    assert {"python", "torch", "numpy"} <= manifest.versions.keys()
    assert "--max-steps" in manifest.command


def test_a_run_folder_holds_every_file_of_the_design(trainings: Trainings) -> None:
    folder = trainings.folder("shapes")
    state, _ = fold(folder)
    assert re.fullmatch(r"\d{8}-\d{6}-shapes-small-[a-z]+-[a-z]+", folder.id)
    for path in ("run.json", "events.jsonl", "trainer.log", "control", "predictions/epoch-001.npz"):
        assert (folder.path / path).exists(), path
    step = f"checkpoints/step-{MAX_STEPS:08d}"
    for path in (f"{step}/state.pt", f"{step}/meta.json", "checkpoints/last", "checkpoints/best"):
        assert (folder.path / path).is_file(), path
    assert list(folder.control.iterdir()) == []
    with np.load(folder.path / "predictions/epoch-001.npz", allow_pickle=False) as file:
        assert file["predicted"].shape == file["confidence"].shape == (2000,)
        assert file["predicted"].max() < 10
    assert state.run is not None
    images = np.load(folder.images / f"{state.run.image_fingerprint}.npy", mmap_mode="r", allow_pickle=False)
    assert (images.shape, images.dtype) == ((2000, 32, 32, 3), np.uint8)
    checkpoints = [checkpoint.path for checkpoint in state.checkpoints]
    assert all((folder.path / path).is_dir() for path in checkpoints[-1:])


def test_show_gives_scripts_what_they_need(trainings: Trainings) -> None:
    runs, folder = trainings.runs("shapes"), trainings.folder("shapes")
    done = cifar_tui("show", "last", "--json", runs=runs)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    state, _ = fold(folder)
    assert (shown["id"], shown["recipe"], shown["dataset"]) == (folder.id, "shapes-small", "shapes")
    assert (shown["state"], shown["epoch"], shown["step"]) == ("finished", 1, MAX_STEPS)
    validation = state.epochs[-1].validation
    assert shown["best"] == {"epoch": 1, "top1": validation.top1}
    for key, value in {
        "top1": validation.top1, "top5": validation.top5, "validation_loss": validation.loss,
        "train_accuracy": state.epochs[-1].train_accuracy,
    }.items():  # fmt: skip
        assert shown["last"][key] == value, key
    assert 0 <= shown["last"]["top1"] <= 1
    assert shown["images_per_second"] > 0
    assert Path(shown["path"]) == folder.path
    listed = cifar_tui("runs", "--json", runs=runs)
    assert json.loads(listed.stdout) == [shown]


def test_show_and_runs_are_readable_lines(trainings: Trainings) -> None:
    runs, folder = trainings.runs("shapes"), trainings.folder("shapes")
    shown, listed = cifar_tui("show", folder.id.rpartition("-")[2], runs=runs), cifar_tui("runs", runs=runs)
    for done in (shown, listed):
        assert done.returncode == 0, done.stderr
        assert folder.id in done.stdout
        assert "finished" in done.stdout
        assert re.search(r"\d\.\d\d%", done.stdout)
    assert "hardest classes" in shown.stdout


# -- plain lines ------------------------------------------------------------------------------------------------------


def test_in_a_pipe_there_are_no_colours_and_no_carriage_returns(trainings: Trainings) -> None:
    for name in ("shapes", "seed 1", "diverging"):
        for text in (trainings[name].stdout, trainings[name].stderr):
            assert "\x1b" not in text
            assert "\r" not in text


def test_a_log_has_a_line_for_each_epoch_and_a_summary(trainings: Trainings) -> None:
    done = trainings["seed 1"]
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["1/3", "2/3", "3/3"]
    assert lines[3] == "finished: all epochs are done"
    assert lines[4].startswith("best validation top-1 ")
    assert lines[5].startswith("hardest classes: ")
    assert any(line.startswith("most confused: ") for line in lines)
    assert lines[-1] == f"run folder: {trainings.folder('seed 1').path}"
    assert "3 classes" in done.stderr
    assert "cpu" in done.stderr


def test_what_libraries_print_goes_to_the_log_file_alone(trainings: Trainings) -> None:
    """Nothing but our own lines is on standard error: no warning of PyTorch's, no traceback."""
    own = re.compile(r"(starting|loading data|building|run |shapes-small: |3 epochs, |warning: |info: )")
    assert [line for line in trainings["seed 1"].stderr.splitlines() if not own.match(line)] == []


# -- readers that leave -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seed 1, nobody listens", "seed 2, no stdout"])
def test_training_does_not_need_a_listener(name: str, trainings: Trainings) -> None:
    done = trainings[name]
    assert done.returncode == 0, done.stderr
    state, reader = fold(trainings.folder(name))
    assert reader.num_corrupt == 0
    assert state.status == "finished"
    assert state.epoch == 3
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


# -- seeds ------------------------------------------------------------------------------------------------------------


def weights(folder: RunFolder) -> Any:
    return load_checkpoint(resolve_checkpoint(folder.checkpoints, "last"))[0]["model"]


def test_the_same_seed_gives_identical_weights(trainings: Trainings) -> None:
    assert_identical(weights(trainings.folder("seed 1")), weights(trainings.folder("seed 1, nobody listens")))


def test_another_seed_gives_other_weights(trainings: Trainings) -> None:
    with pytest.raises(AssertionError):
        assert_identical(weights(trainings.folder("seed 1")), weights(trainings.folder("seed 2, no stdout")))


# -- divergence -------------------------------------------------------------------------------------------------------


def test_a_run_that_diverges_says_so_and_ends_with_3(trainings: Trainings) -> None:
    done = trainings["diverging"]
    assert done.returncode == 3
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("diverged: "))
    assert re.match(r"diverged: the (loss|gradient norm) became (nan|inf) at step \d+; .*a lower --lr may help", line)
    assert "Traceback" not in done.stderr
    state, _ = fold(trainings.folder("diverging"))
    assert state.status == "diverged"
    assert state.ended is not None
    assert state.ended.exit_code == 3
