"""The screens as text, compared with stored ones.

`REGENERATE_FRAMES=1 pytest tests/ui/test_frames.py` writes them anew; look at the difference before you commit it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.ui.canned import Canned, ended, live
from tests.ui.watching import SIZES, watching

_FRAMES = Path(__file__).parents[1] / "data" / "frames"
_MAKERS = {"live": live, "ended": ended}


def _check(name: str, text: str) -> None:
    path = _FRAMES / f"{name}.txt"
    if os.environ.get("REGENERATE_FRAMES") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n"


def _run(tmp_path: Path, kind: str, num_classes: int) -> Canned:
    return _MAKERS[kind](tmp_path, num_classes, with_images=True)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("num_classes", [10, 100])
@pytest.mark.parametrize("kind", ["live", "ended"])
def test_overview_looks_as_stored(tmp_path: Path, kind: str, num_classes: int, size: tuple[int, int]) -> None:
    async def look() -> str:
        async with watching(_run(tmp_path, kind, num_classes), size) as watched:
            return watched.text

    _check(f"overview-{kind}-{num_classes}-{size[0]}x{size[1]}", asyncio.run(look()))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("num_classes", [10, 100])
def test_every_other_pane_looks_as_stored(tmp_path: Path, num_classes: int, size: tuple[int, int]) -> None:
    async def look() -> dict[str, str]:
        async with watching(_run(tmp_path, "live", num_classes), size) as watched:
            return {key: await watched.press(key) for key in "234567"}

    for key, text in asyncio.run(look()).items():
        _check(f"pane{key}-live-{num_classes}-{size[0]}x{size[1]}", text)


def test_ascii_has_nothing_but_ascii(tmp_path: Path) -> None:
    async def look() -> list[str]:
        async with watching(_run(tmp_path, "live", 10), ascii=True) as watched:
            return [watched.text, *[await watched.press(key) for key in (*"234567", "question_mark")]]

    texts = asyncio.run(look())
    assert all(text.isascii() for text in texts), {c for text in texts for c in text if not c.isascii()}
    _check("overview-ascii", texts[0])
