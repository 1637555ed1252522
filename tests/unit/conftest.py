"""What several files of unit tests begin with."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import events as ev
from core import steering
from core.recorder import Recorder
from tests.fake_trainer import Scene
from tests.recording import open_at
from tests.strategies import run_started
from tests.telling import Log


@pytest.fixture
def log() -> Log:
    """A run that tests of its fold tell event by event."""
    return Log()


@pytest.fixture
def started(log: Log) -> Log:
    """Three epochs of four steps."""
    log.tell(ev.PhaseChanged(phase="starting"), run_started(), ev.PhaseChanged(phase="training"))
    return log


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where run folders are to be; it is not there yet."""
    return tmp_path / "runs"


@pytest.fixture
def handlers() -> Iterator[None]:
    """Puts the process's signal handlers back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """Of `events.jsonl` in the test's own folder; its clocks tick with each event."""
    recorder = open_at(tmp_path / "events.jsonl")
    yield recorder
    recorder.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A trainer between two steps that only notes what it is asked."""
    scene = Scene(tmp_path / "run")
    monkeypatch.setattr(steering, "time", scene.clock)
    return scene
