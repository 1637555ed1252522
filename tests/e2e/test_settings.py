"""Settings from all sources at once, through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.cli import cifar_tui, environment


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


def test_names_of_folders_cannot_move_the_cursor(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "\x1b[2J\x1b]0;owned\x07")
    done = cifar_tui("runs", runs=tmp_path)
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
    assert "owned" in done.stderr
