"""Folders that lie among the runs and are odd: with names of another encoding, as old archives bring them, or empty."""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.errors import ExitCode
from core.runindex import RunIndex
from tests.e2e.cli import SHAPES, cifar_tui
from tests.ui.canned import ended

NAME = os.fsdecode(b"b\xffd")


def test_one_run_of_such_a_name_hides_no_other(tmp_path: Path) -> None:
    ended(tmp_path, run_id="odd").folder.path.rename(tmp_path / NAME)
    ended(tmp_path, run_id="plain")
    done = cifar_tui("runs", "--json", runs=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {run["id"] for run in json.loads(done.stdout)} == {"b\\udcffd", "plain"}
    shown = cifar_tui("show", NAME, "--json", runs=tmp_path)
    assert json.loads(shown.stdout)["path"].endswith("/b\\udcffd")
    index = RunIndex(tmp_path)
    index.scan()
    assert set(index.unread) == {NAME}, "the others are known still"


def test_folders_that_are_no_runs_are_told_of_and_not_called_none(tmp_path: Path) -> None:
    (tmp_path / "copied").mkdir()
    for command in (["runs"], []):
        done = cifar_tui(*command, runs=tmp_path)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith("copied: ")
        assert "no runs in" not in done.stderr


def test_runs_can_be_kept_in_a_folder_of_such_a_name_and_data_cannot(tmp_path: Path) -> None:
    runs = tmp_path / NAME
    done = cifar_tui(*SHAPES, "--max-steps", "1", "--runs-dir", runs, "--run-id", "a", runs=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((runs / "a" / "run.json").read_bytes())["command"][-3].endswith("/b\\udcffd")
    for option in (["--data-dir", runs], ["--dataset", f"folder:{runs}"]):
        refused = cifar_tui(*SHAPES, *option, "--run-id", "b", runs=tmp_path)
        assert refused.returncode == ExitCode.USAGE
        assert "this name is not UTF-8" in refused.stderr
        assert "Traceback" not in refused.stderr
