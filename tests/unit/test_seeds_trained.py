"""Several seeds in one command: signals between them, seeds that fail, and the memory that each leaves."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from core import attempt, session
from core import events as ev
from core.config import TrainConfig
from core.errors import ExitCode
from core.headless import LineReport
from core.session import ReportTo, Request
from core.setup import Setup, set_up
from core.signals import Signals
from tests.seed_runs import seed_run
from tests.training import image_folder, tiny
from tui import seeds
from tui.launch import TrainOptions


class Trainer:
    """Stands in for `train_run`: each run is recorded at once, and ends as told."""

    def __init__(self, runs: Path, codes: list[ExitCode], request: str | None = None) -> None:
        self.runs, self.codes, self.request = runs, codes, request
        self.begun: list[int] = []

    def __call__(self, request: Request, report_to: ReportTo, signals: Signals) -> ExitCode:
        seed, code = request.config.seed, self.codes[len(self.begun)]
        self.begun.append(seed)
        status = {ExitCode.DONE: "finished", ExitCode.DIVERGED: "diverged"}.get(code, "failed")
        report_to(seed_run(self.runs, f"r{seed}", seed, [0.5], status=status), io.StringIO(), io.StringIO())
        if self.request:  # after its last step: the run knows nothing of it
            signals.request, signals.name = self.request, "SIGTERM"  # type: ignore[assignment]
        return code


def options(runs: Path) -> TrainOptions:
    return TrainOptions(
        recipe="shapes-small", flags={}, config_file=None, assignments=[], runs_dir=runs, run_id=None, resume=None,
        fork=False, no_ui=True, dry_run=False, json=False, ascii=False, color="auto",
    )  # fmt: skip


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("request_", "code"), [("preempt", ExitCode.PREEMPTED), ("interrupt", ExitCode.DONE)])
def test_a_signal_between_two_runs_is_not_lost(
    request_: str, code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tmp_path, [ExitCode.DONE] * 3, request_)
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 3) == code
    assert trainer.begun == [0]
    assert "SIGTERM: 2 of 3 seeds not begun" in capsys.readouterr().err


@pytest.mark.usefixtures("handlers")
def test_a_signal_after_the_last_run_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(seeds, "train_run", Trainer(tmp_path, [ExitCode.DONE], "preempt"))
    assert seeds.train_seeds(options(tmp_path), 1) == ExitCode.DONE
    assert "last top-1      mean 50.00%" in capsys.readouterr().out


@pytest.mark.usefixtures("handlers")
def test_a_seed_that_diverges_stops_no_other_and_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tmp_path, [ExitCode.DONE, ExitCode.DIVERGED, ExitCode.DONE])
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 3) == ExitCode.DIVERGED
    assert trainer.begun == [0, 1, 2]
    assert "note: r1 (diverged) does not count" in capsys.readouterr().out


@pytest.mark.usefixtures("handlers")
def test_what_would_go_wrong_again_ends_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(tmp_path, [ExitCode.OUT_OF_MEMORY, ExitCode.DONE])
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 2) == ExitCode.OUT_OF_MEMORY
    assert trainer.begun == [0]


@pytest.mark.usefixtures("handlers")
def test_a_seed_begins_when_the_memory_of_the_one_before_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: list[weakref.ref[nn.Module]] = []
    left: list[int] = []

    def watched(config: TrainConfig, emit: Callable[[ev.Event], None]) -> Setup:
        left.append(sum(network() is not None for network in networks))
        setup = set_up(config, emit)
        networks.append(weakref.ref(setup.model))
        return setup

    monkeypatch.setattr(attempt, "set_up", watched)
    monkeypatch.setattr(session, "tune_pytorch", lambda: None)
    config = tiny(image_folder(tmp_path / "images"), epochs=1)
    gc.disable()  # it may come by chance
    try:
        for name in ("first", "second"):
            request = Request(config=config, runs_dir=tmp_path / "runs", run_id=name)
            assert session.train_run(request, LineReport) is ExitCode.DONE
    finally:
        gc.enable()
    assert left == [0, 0]
