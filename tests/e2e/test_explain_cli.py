"""`cifar-tui explain` as a shell runs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.cli import cifar_tui
from tests.ui.terminal import Terminal


def explain(tmp_path: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return cifar_tui("explain", *arguments, runs=tmp_path, CIFAR_TUI_CONFIG_DIR=str(tmp_path / "config"), **changes)


def test_everything_is_told_without_options(tmp_path: Path) -> None:
    done = explain(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line != line.rstrip()]
    for told in ("= 11\n", "average, stride 2", "2,880", "31×31", "18 weights"):
        assert told in done.stdout


def test_with_options_what_they_change_is_drawn(tmp_path: Path) -> None:
    done = explain(tmp_path, *("--kernel", "-1 0/0 2", "--stride", "2", "--padding", "1", "--at", "1,2"), LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert done.stdout.endswith("output[1,2] = 5*(-1) + 0*0\n            + 2*0 + 1*2 = -3\n")
    assert "Pooling" not in done.stdout
    assert "output, stride 1" not in done.stdout
    other = explain(tmp_path, "--input", "1 2 3/4 5 6/7 8 9", "--ascii").stdout
    assert other.isascii()
    assert "Pooling" in other
    assert "The size of the data" not in other
    one = explain(tmp_path, "--input", "2", "--kernel", "3").stdout
    assert one.endswith("output[0,0] = 2·3 = 6\n"), "one cell cannot be pooled"


def test_a_recipe_is_shown_layer_by_layer(tmp_path: Path) -> None:
    done = explain(tmp_path, "mnist-cnn")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mnist-cnn: mnist-cnn on images of 1×28×28 (mnist)\nlayer ")
    assert "46,730 parameters" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--input", "1 2/3"], "--input needs rows of the same length; these have 2, 1 numbers"),
        (["--at", "3,0"], "--at 3,0 is outside the 3×3 output: rows are 0 to 2, columns 0 to 2"),
        (["c10-lennet"], 'There is no recipe "c10-lennet". Did you mean "c10-lenet"?'),
        (["c10-lenet", "--stride", "2"], "a recipe's network has no grids: leave out RECIPE, or the options"),
    ],
    ids=["ragged", "outside", "no recipe", "recipe and grids"],
)
def test_what_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = explain(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"cifar-tui: {says}")
    assert done.stderr.count("\n") == 1


def test_colours_are_for_those_who_want_them(tmp_path: Path) -> None:
    coloured = explain(tmp_path, "--color", "always").stdout
    assert "\x1b[1;38;2;240;228;66m" in coloured, "the frame's yellow"
    for colourless in (
        explain(tmp_path, "--color", "always", NO_COLOR="1").stdout,
        explain(tmp_path, "--color", "never", FORCE_COLOR="1").stdout,
    ):
        assert "38;2" not in colourless
        assert "48;2" not in colourless
        assert "\x1b[2m" in colourless, "what is muted is dim"
        assert "┏━━━┯" in re.sub(r"\x1b\[\d*m", "", colourless)


def test_grids_too_wide_for_the_terminal_are_refused_there(tmp_path: Path) -> None:
    arguments = ["explain", "--padding", "3"]
    with Terminal(arguments, cwd=tmp_path, columns=45) as terminal:
        assert terminal.exit_code() == 2
        terminal.wait_for("this takes 46 columns")
    with Terminal(arguments, cwd=tmp_path, columns=46) as terminal:
        assert terminal.exit_code() == 0
        terminal.wait_for("output[0,0] = 0·1 + 0·0 + 0·1")
    assert explain(tmp_path, "--padding", "3", COLUMNS="45").returncode == 0, "a pipe takes them"
