"""The terminal that the dashboard's tests believe they are in, and the runs that those of the home screen list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.canned import Canned, ended, live


@pytest.fixture(autouse=True)
def _truecolor_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("CIFAR_TUI_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """Two ended runs and a live one."""
    runs_dir = tmp_path / "runs"
    ended(runs_dir, run_id="alpha")
    Canned(runs_dir, run_id="beta").start().epochs(3).end("stopped", "asked to")
    live(runs_dir, run_id="gamma")
    return runs_dir
