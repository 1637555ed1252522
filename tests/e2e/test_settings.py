"""Settings from all sources at once, through the real command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ExitCode
from core.recorder import Recorder
from core.runfolder import Manifest, create_run_folder
from tests.e2e.cli import PROGRAM, cifar_tui, environment, only_run
from tests.strategies import run_started
from tests.ui import canned


def test_a_flag_goes_before_set_before_the_environment_before_a_file_before_the_recipe(tmp_path: Path) -> None:
    keys = ("seed", "threads", "epochs", "max_steps")
    file = tmp_path / "run.toml"
    file.write_text("".join(f"{key} = 11\n" for key in keys) + '[data]\ndir = "/from/the/file"\n')
    inherited = {f"CIFAR_TUI_{key.upper()}": "22" for key in ("seed", "epochs", "max_steps")}
    done = cifar_tui(
        *("--no-ui", "-r", "shapes-small", "--dry-run", "--config", file),
        *("--set", "epochs=33", "--set", "max_steps=33", "--max-steps", "44"),
        runs=tmp_path,
        **inherited,
        CIFAR_TUI_DATA_DIR="/from/the/environment",
    )
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    assert {key: settings[key] for key in keys} == {"threads": 11, "seed": 22, "epochs": 33, "max_steps": 44}
    assert settings["data"]["dir"] == "/from/the/environment"
    assert settings["optimizer"]["name"] == "adamw", "the recipe's, since nobody else says"


def test_set_goes_before_the_variable_of_the_data_directory(tmp_path: Path) -> None:
    done = cifar_tui(
        *("--no-ui", "-r", "shapes-small", "--dry-run", "--set", "data.dir=/from/set"),
        runs=tmp_path,
        CIFAR_TUI_DATA_DIR="/from/the/environment",
    )
    assert json.loads(done.stdout)["data"]["dir"] == "/from/set"


def test_a_reader_who_leaves_early_ends_the_help_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "--help"],
        env=environment(CIFAR_TUI_RUNS_DIR=str(tmp_path)),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_standard_input_is_no_terminal_and_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, sys; os.close(0); os.execv(sys.argv[1], sys.argv[1:])"]
    done = subprocess.run(
        [*command, *PROGRAM],
        env=environment(CIFAR_TUI_RUNS_DIR=str(tmp_path)),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == ExitCode.USAGE
    assert "the dashboard needs a terminal" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_knows_ascii_alone_is_enough(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--help"],
        env=environment(CIFAR_TUI_RUNS_DIR=str(tmp_path), PYTHONIOENCODING="ascii"),
        capture_output=True,
        encoding="ascii",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "recipes" in done.stdout


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train", ["CIFAR_TUI_DATA_DIR", "CIFAR_TUI_RUNS_DIR", "optimizer.lr=0.01"]),
        ("control", ["[discard]"]),
    ],
)
def test_on_80_columns_no_word_of_the_help_is_cut_off(command: str, told: list[str], tmp_path: Path) -> None:
    text = cifar_tui(command, "--help", runs=tmp_path, COLUMNS="80").stdout
    assert "…" not in text
    for word in told:
        assert word in " ".join(text.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize("command", ["recipes", "explain", "explain --kernel 1", "--dry-run", "demo --dry-run"])
def test_a_full_disk_under_the_output_is_told_in_a_sentence(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *command.split()], env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert done.returncode == ExitCode.STORAGE
    assert done.stderr == "cifar-tui: cannot write all of the output: No space left on device\n"


@pytest.mark.parametrize("command", ["recipes", "explain", "explain --kernel 1"])
def test_a_reader_of_the_output_may_leave(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            [*PROGRAM, *command.split()], env=environment(), stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")


def test_bare_without_a_terminal_it_lists_the_runs(tmp_path: Path) -> None:
    run = create_run_folder(tmp_path, "shapes-small", "mine")
    recorder = Recorder(run.events_file)
    recorder.emit(run_started())
    recorder.close()
    done = cifar_tui(runs=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == cifar_tui("runs", runs=tmp_path).stdout
    assert "mine" in done.stdout
    assert only_run(tmp_path).id == "mine"


def test_bare_without_a_terminal_and_without_runs_it_says_how_to_train(tmp_path: Path) -> None:
    done = cifar_tui(runs=tmp_path)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    said = "the dashboard needs a terminal; `cifar-tui --no-ui -r RECIPE` trains without one"
    assert done.stderr == f"cifar-tui: {said}\n"
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]


def test_compare_without_a_terminal_prints_results_and_settings(tmp_path: Path) -> None:
    canned.ended(tmp_path, run_id="one")
    canned.live(tmp_path, run_id="two").steer("lr", "0.5")
    done = cifar_tui("compare", "one", "two", runs=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [re.split("  +", line.strip()) for line in done.stdout.splitlines()]
    assert rows[0] == ["one", "two"]
    assert ["epochs", "10/10", "4/10"] in rows
    assert ["optimizer.lr", "0.001", "0.001 (×0.5 at step 430)"] in rows


@pytest.mark.parametrize(
    ("words", "inherited", "said"),
    [
        (["-r", "no-such"], {}, "no-such"),
        ([], {"CIFAR_TUI_RECIPE": "no-such"}, "no-such"),
        ([], {"CIFAR_TUI_DATA__DATASET": "no-such"}, "no-such"),
        (["--target", ".9"], {}, "--target goes with --seeds"),
    ],
    ids=["an option", "a recipe in the environment", "a data set in the environment", "a target"],
)
def test_where_it_is_told_more_it_does_not_list_the_runs(
    words: list[str], inherited: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = cifar_tui(*words, runs=tmp_path, **inherited)
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr


def test_runs_are_listed_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    for created, name in enumerate(("c", "a", "b")):
        folder = create_run_folder(tmp_path, "c10-lenet", name)
        folder.write_manifest(Manifest(id=name, recipe="c10-lenet", created=1e9 + created, config={}))
    done = cifar_tui("runs", "--json", runs=tmp_path)
    assert [run["id"] for run in json.loads(done.stdout)] == ["c", "a", "b"]
    done = cifar_tui("runs", runs=tmp_path)
    assert [line[0] for line in done.stdout.splitlines()[-3:]] == ["c", "a", "b"]


def test_names_of_folders_cannot_move_the_cursor(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "\x1b[2J\x1b]0;owned\x07")
    done = cifar_tui("runs", runs=tmp_path)
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
    assert "owned" in done.stderr
