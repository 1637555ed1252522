"""What `make gpu-check` makes of its runs and of the other program, with no GPU."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import ExitCode
from core.signals import Signals
from tests.bench import gpu_check
from tests.bench.gpu_check import Other, Result, train, train_all

OTHER = """
import sys
for number, line in enumerate(sys.stdin):
    if number == {runs}:
        sys.exit("out of memory")
    print("epoch 8")
    print(f"time={{4 if number else 100}}.0 acc=0.94")
"""


def other(*, runs: int) -> str:
    """A program that warms up slowly, flushes nothing and fails after so many runs."""
    return shlex.join([sys.executable, "-c", OTHER.format(runs=runs)])


@pytest.fixture(autouse=True)
def our_runs_take_a_second_more_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(recipe: str, seed: int, *rest: Any, **options: Any) -> Result:
        return Result(seconds=1.0 + seed, warm_up=0.5, top1=0.93, top1_views=0.94)

    monkeypatch.setattr(gpu_check, "train", trained)


def test_the_other_program_runs_in_turn_and_its_warm_up_does_not_count(capfd: pytest.CaptureFixture[str]) -> None:
    train_all("c10-speedrun", 3, compiled=False, against=other(runs=10))
    out = capfd.readouterr().out
    assert "c10-speedrun: 2.000 s of training, 3 seeds" in out
    assert "4.000 s, 94.00% over views; ours is 0.500 of it, pairs from 0.250 to 0.750" in out


def test_figures_are_told_although_the_other_program_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="ended and printed no time"):
        train_all("c10-speedrun", 3, compiled=False, against=other(runs=2))
    out = capfd.readouterr().out
    assert "c10-speedrun: 1.500 s of training, 2 seeds" in out
    assert "ours is 0.250 of it" in out


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="cannot start no-such-program: No such file"):
        Other("no-such-program")


def test_a_run_that_was_stopped_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "train_run", lambda *request: ExitCode.DONE)
    stopped = SimpleNamespace(status="stopped", epochs=[Any], ended=SimpleNamespace(reason="SIGINT"))
    monkeypatch.setattr(gpu_check, "fold", lambda events_file: stopped)
    with pytest.raises(SystemExit, match="exit code 0: SIGINT"):
        train("c10-speedrun", 0, tmp_path, Signals(), compiled=False)
