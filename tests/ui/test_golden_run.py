"""A run written by schema version 1 opens on every screen."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.ui.at_home import AtHome, at_home
from tui.screens.compare import CompareScreen
from tui.screens.run import RunScreen

GOLDEN = Path(__file__).parents[1] / "data" / "golden-run-v1"


def test_the_golden_run_opens_everywhere(tmp_path: Path) -> None:
    """Written by schema version 1. It is never made anew: what it holds has to be read for good."""
    assert hashlib.sha256((GOLDEN / "events.jsonl").read_bytes()).hexdigest() == (
        "4444fe9e99ba5f755ef0ae19cabc216ab594a8562ef3e5f0c27f444dbb1164bf"
    )
    for name in ("golden-run-v1", "other"):
        shutil.copytree(GOLDEN, tmp_path / name)

    async def act(seen: AtHome) -> None:
        assert "11.9" in seen.text
        await seen.press("enter")
        await seen.at(RunScreen)
        for pane, told in zip(
            "1234567", ("Accuracy", "circle", "Confusion", "cannot be read", "conv", "Load", "Log"), strict=True
        ):
            assert told in await seen.press(pane)
        await seen.press("left_curly_bracket", "left_curly_bracket")
        assert seen.app.scene.source.state.epoch == 1
        await seen.press("q")
        await seen.press("space", "space", "c")
        await seen.at(CompareScreen)
        for pane in "12345":
            await seen.press(pane)

    at_home(tmp_path, act)
