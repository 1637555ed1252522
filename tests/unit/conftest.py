"""A run that tests of its fold tell event by event."""

from __future__ import annotations

import pytest

from core import events as ev
from tests.strategies import run_started
from tests.telling import Log


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def started(log: Log) -> Log:
    """Three epochs of four steps."""
    log.tell(ev.PhaseChanged(phase="starting"), run_started(), ev.PhaseChanged(phase="training"))
    return log
