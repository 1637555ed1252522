"""A picture of the dashboard, taken without a terminal."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from core.export.files import write_text
from core.runfolder import RunFolder, recipe_of

_SIZE = (120, 40)
_FONT = re.compile(r"@font-face\s*\{[^}]*\}\s*")


def write_screenshot(folder: RunFolder, path: Path) -> Path:
    """Write the overview of a run as it stands as SVG, in the colours and the theme that the viewer has chosen.

    Args:
        folder: the run.
        path: the file.

    Raises:
        StorageError: the run cannot be read or the file not be written.
    """
    return write_text(path, asyncio.run(_screenshot(folder)))


async def _screenshot(folder: RunFolder) -> str:
    """The picture as SVG. It names fonts, but fetches none: the file needs no network."""
    from tui.app import DashboardApp
    from tui.render.palettes import make_look
    from tui.settings import settings_file
    from tui.source import LiveSource

    source = LiveSource(folder)
    app = DashboardApp(source, recipe_of(folder), settings_file())
    dark = app.settings.theme == "dark"
    # There is no terminal that could tell how many colours it has, and a picture has them all.
    app.scene.look = make_look(
        app.settings.palette, dark=dark, color_system="truecolor", no_color=app.no_color, ascii=False
    )
    async with app.run_test(size=_SIZE) as pilot:
        await pilot.pause()
        while source.is_behind:
            await pilot.pause()
        await pilot.pause()
        return _FONT.sub("", app.export_screenshot(title=f"cifar-tui {folder.id}"))
