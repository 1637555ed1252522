"""`--seeds N` and `seeds` on the command line: runs in a row, going on with them, and signals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ExitCode
from core.reader import EventReader
from core.runfolder import RunFolder
from tests.e2e.cli import PROGRAM, cifar_tui, environment, small
from tests.training import assert_identical, final_state, history


@pytest.fixture(scope="module")
def group(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Two seeds, trained in one go, and what that printed."""
    runs = tmp_path_factory.mktemp("runs")
    return runs, cifar_tui(*small(images), "--seed", "3", "--seeds", "2", "--run-id", "g", runs=runs)


def summary(runs: Path, *words: str) -> dict[str, Any]:
    done = cifar_tui("seeds", *words, "--json", runs=runs)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def a_pipe_without_a_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_each_seed_is_a_run_of_its_own_and_the_summary_comes_last(
    group: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    runs, done = group
    assert done.returncode == 0, done.stderr
    found = summary(runs, "g-seed3", "g-seed4")
    assert [(run["id"], run["seed"], run["state"]) for run in found["runs"]] == [
        ("g-seed3", 3, "finished"),
        ("g-seed4", 4, "finished"),
    ]
    assert found["top1"]["count"] == 2
    assert found["remarks"] == []
    tail = done.stdout.split("run  ")[-1]
    assert tail.index("g-seed3") < tail.index("g-seed4") < tail.index("last top-1      mean")
    assert cifar_tui("seeds", "g-seed3", "g-seed4", runs=runs).stdout in done.stdout


def test_a_later_seed_of_a_group_is_what_it_is_alone(
    group: tuple[Path, subprocess.CompletedProcess[str]], images: Path
) -> None:
    runs, _ = group
    assert cifar_tui(*small(images), "--seed", "4", "--run-id", "alone", runs=runs).returncode == 0
    assert_identical(final_state(RunFolder(runs / "alone")), final_state(RunFolder(runs / "g-seed4")))
    assert history(RunFolder(runs / "alone")) == history(RunFolder(runs / "g-seed4"))


def test_auto_skips_what_is_finished_and_goes_on_with_the_rest(
    group: tuple[Path, subprocess.CompletedProcess[str]], images: Path
) -> None:
    runs, _ = group
    before = (runs / "g-seed3" / "events.jsonl").read_bytes()
    words = [*small(images), "--seed", "3", "--seeds", "3", "--run-id", "g", "--resume", "auto", "--json"]
    done = cifar_tui(*words, runs=runs)
    assert done.returncode == 0, done.stderr
    assert "run g-seed3 is finished already" in done.stderr
    assert (runs / "g-seed3" / "events.jsonl").read_bytes() == before
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["seeds"]["top1"]["count"] == 3
    assert {line["event"]["run_id"] for line in lines[:-1] if line["event"]["kind"] == "run_started"} == {"g-seed5"}


@pytest.mark.parametrize(
    ("open_output", "code"),
    [
        pytest.param(a_pipe_without_a_reader, ExitCode.DONE, id="a pipe whose reader has left"),
        pytest.param(lambda: os.open("/dev/full", os.O_WRONLY), ExitCode.STORAGE, id="a full disk"),
    ],
)
def test_all_seeds_are_trained_though_nothing_can_be_said_of_them(
    open_output: Callable[[], int], code: ExitCode, images: Path, tmp_path: Path
) -> None:
    output = open_output()
    try:
        ended = subprocess.run(
            [*PROGRAM, *small(images, epochs=1), "--seeds", "2", "--run-id", "g"],
            env=environment(CIFAR_TUI_RUNS_DIR=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    finally:
        os.close(output)
    assert ended.returncode == code
    assert [run["state"] for run in summary(tmp_path, "g-seed0", "g-seed1")["runs"]] == ["finished", "finished"]


def test_names_that_are_taken_are_refused_before_anything_is_trained(
    group: tuple[Path, subprocess.CompletedProcess[str]], images: Path
) -> None:
    runs, _ = group
    refused = cifar_tui(*small(images), "--seed", "2", "--seeds", "2", "--run-id", "g", runs=runs)
    assert (refused.returncode, "--resume auto" in refused.stderr) == (ExitCode.USAGE, True)
    assert not (runs / "g-seed2").exists()


def interrupted_group(images: Path, runs: Path, number: signal.Signals) -> tuple[int, str]:
    """Exit code and talk of a group of three whose first run gets a signal after its first steps."""
    words = [*small(images, epochs=400), "--seeds", "3", "--run-id", "g"]
    process = subprocess.Popen(
        [*PROGRAM, *map(str, words), "--json"],
        env=environment(CIFAR_TUI_RUNS_DIR=str(runs)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"]["kind"] == "batches":
            process.send_signal(number)
            break
    _, talk = process.communicate()
    return process.returncode, talk


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, ExitCode.PREEMPTED),
        (signal.SIGUSR1, ExitCode.PREEMPTED),
        (signal.SIGINT, ExitCode.DONE),
    ],
    ids=["TERM", "USR1", "INT"],
)
def test_a_signal_ends_the_group(number: signal.Signals, code: ExitCode, images: Path, tmp_path: Path) -> None:
    ended, talk = interrupted_group(images, tmp_path, number)
    assert ended == code
    assert f"{number.name}: 2 of 3 seeds not begun" in talk
    assert [path.name for path in sorted(tmp_path.glob("g*"))] == ["g-seed0"]


def test_a_group_that_was_preempted_goes_on_where_it_was(images: Path, tmp_path: Path) -> None:
    interrupted_group(images, tmp_path, signal.SIGTERM)
    words = [*small(images, epochs=400), "--seeds", "2", "--run-id", "g", "--resume", "auto"]
    # As many epochs as it has begun, so that the rest is short.
    epochs = str(json.loads(cifar_tui("show", "g-seed0", "--json", runs=tmp_path).stdout)["epoch"] + 1)
    done = cifar_tui(*words, "--epochs", epochs, runs=tmp_path)
    assert done.returncode == 0, done.stderr
    attempts = [
        EventReader(RunFolder(tmp_path / name).events_file).poll()[-1].attempt for name in ("g-seed0", "g-seed1")
    ]
    assert attempts == [2, 1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "0"], "1 or more"),
        (["--seeds", "2", "--resume", "last"], "--resume auto only"),
        (["--seeds", "2", "--resume", "auto"], "--run-id"),
        (["--seeds", "2", "--target", "94"], "as .94"),
        (["--target", ".94"], "--seeds"),
        (["--validation", "tset"], "test, holdout"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_is_said_in_a_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    refused = cifar_tui("--no-ui", "-r", "shapes-small", *words, runs=tmp_path)
    assert refused.returncode == ExitCode.USAGE
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_dashboard_shows_one_run(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    try:
        refused = subprocess.run(
            [*PROGRAM, "-r", "shapes-small", "--seeds", "2"],
            env=environment(CIFAR_TUI_RUNS_DIR=str(tmp_path)),
            stdin=end,
            stdout=end,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        os.close(terminal)
        os.close(end)
    assert refused.returncode == ExitCode.USAGE
    assert "add --no-ui" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_every_seed(tmp_path: Path) -> None:
    words = ["--no-ui", "-r", "shapes-small", "--seeds", "3", "--validation", "holdout", "--dry-run"]
    shown = cifar_tui(*words, runs=tmp_path, CIFAR_TUI_SEED="7")
    configs = json.loads(shown.stdout)
    assert [config["seed"] for config in configs] == [7, 8, 9]
    assert {config["data"]["validation"] for config in configs} == {"holdout"}
