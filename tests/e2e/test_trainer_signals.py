"""Signals to a trainer at work: it saves and ends, at once if asked twice, and goes on where it was."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from core import events as ev
from core.checkpoint import load_checkpoint
from core.reader import read_all
from core.state import RunState
from tests.e2e.cli import SHAPES, Live, is_training, live, small


def assert_saved(trainer: Live, events: list[ev.Event], name: str, status: str, code: int) -> None:
    """The last events are a checkpoint of the very step at which the run ended, and that end."""
    *_, saved, ended = (event for event in events if isinstance(event, ev.CheckpointSaved | ev.RunEnded))
    assert isinstance(ended, ev.RunEnded)
    assert isinstance(saved, ev.CheckpointSaved)
    assert (ended.status, ended.exit_code, saved.reason, saved.step) == (status, code, "signal", ended.step)
    assert ended.reason == f"{name}, checkpoint {Path(saved.path).name}"
    state, _ = load_checkpoint(trainer.folder.path / saved.path)
    assert state["progress"]["step"] == ended.step


def test_an_interruption_saves_and_ends_with_0(images: Path, tmp_path: Path) -> None:
    with live(*small(images, epochs=100_000), runs=tmp_path) as trainer:
        trainer.wait_for(is_training)
        trainer.process.send_signal(signal.SIGINT)
        events = trainer.rest()
        assert trainer.exit_code() == 0
    assert_saved(trainer, events, "SIGINT", "stopped", 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_second_signal_ends_it_at_once(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with live(*SHAPES, runs=tmp_path) as trainer:
        # While data is loaded nothing looks at the first signal yet.
        trainer.wait_for(lambda event: isinstance(event, ev.PhaseChanged) and event.phase == "loading_data")
        while trainer.process.poll() is None:
            trainer.process.send_signal(number)
            with_patience(trainer, 0.05)
        assert trainer.exit_code() == code
        assert not [event for event in trainer.rest() if isinstance(event, ev.RunEnded)]


def with_patience(trainer: Live, seconds: float) -> None:
    """Give the process a moment to take a signal in; two that are pending together would be one."""
    try:
        trainer.process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return


def test_a_preempted_run_saves_ends_with_75_and_goes_on_where_it_was(images: Path, tmp_path: Path) -> None:
    # The same command both times, as a batch script has it.
    options = [*small(images, epochs=20), "--set", "checkpoint.every_epochs=0", "--resume", "auto"]
    with live(*options, runs=tmp_path) as trainer:
        trainer.wait_for(lambda event: isinstance(event, ev.EpochEnded))
        trainer.process.send_signal(signal.SIGTERM)
        events = trainer.rest()
        assert trainer.exit_code() == 75
    assert_saved(trainer, events, "SIGTERM", "preempted", 75)
    with live(*options, runs=tmp_path) as trainer:
        trainer.rest()
        assert trainer.exit_code() == 0
    state = RunState()
    for record in read_all(trainer.folder.events_file):
        state.apply(record)
    assert (state.status, state.attempt, state.epoch) == ("finished", 2, 20)
    assert state.batches["step"].tolist() == list(range(120))
    assert [epoch.epoch for epoch in state.epochs] == list(range(1, 21))
