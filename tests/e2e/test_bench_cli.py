"""`cifar-tui bench` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ExitCode
from tests.e2e.cli import cifar_tui


def test_the_figures_of_the_embedded_set_as_json(tmp_path: Path) -> None:
    done = cifar_tui("bench", "-r", "shapes-small", "--seconds", "5", "--pairs", "2", "--json", runs=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["recipe"], figures["dataset"], figures["random_images"]) == ("shapes-small", "shapes", False)
    for name in ("training", "events_off_on", "crop_and_flip"):
        assert len(figures[name]["pairs"]) == 2
        assert figures[name]["ratio"] > 0
    assert 0 < figures["machine"]["flops_share"] < 10
    assert "pair 2 of 2" in done.stderr
    assert not list(tmp_path.iterdir()), "it leaves nothing in the runs folder"


@pytest.mark.long
def test_without_the_data_set_a_table_says_that_images_are_random(tmp_path: Path) -> None:
    words = ["bench", "--seconds", "5", "--pairs", "1", "--data-dir", str(tmp_path / "none")]
    done = cifar_tui(*words, runs=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "random images in the place of cifar10" in done.stdout
    for row in ("tutorial-style loop", "crop and flip", "events, metrics, recording", "GFLOP/s", "GB/s"):
        assert row in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 110


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--recipe", "c10-lenett"], 'Did you mean "c10-lenet"?'),
        (["--seconds", "1"], "5 or more"),
        (["--pairs", "0"], "--pairs must be 1 or more"),
        (["--workers", "-1"], "--workers must be 0 or more"),
        (["--device", "tpu", "-r", "shapes-small"], 'device "tpu"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_is_said_in_a_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    refused = cifar_tui("bench", *words, runs=tmp_path)
    assert refused.returncode == ExitCode.USAGE
    assert said in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
