"""The line above the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.render.palettes import Look
from tui.render.safe import pad, safe
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.frame import text_strip

if TYPE_CHECKING:
    from tui.screens.home import HomeScreen


class HomeHeader(Drawn):
    """How many runs there are, and where."""

    def __init__(self, scene: Scene, home: HomeScreen, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._home = home

    def draw(self, width: int, height: int) -> list[Strip]:
        """The line, and a blank one."""
        home = self._home
        line = header_line(
            str(home.index.runs_dir), home.num_runs, home.num_live, len(home.index.unread), home.wrong, width,
            self.scene.look,
        )  # fmt: skip
        return [line, Strip.blank(width)][:height]


def header_line(where: str, runs: int, live: int, unread: int, wrong: str, width: int, look: Look) -> Strip:
    """Name, folder, counts; what is wrong with the filter."""
    text = Text(" ", no_wrap=True, end="")
    text.append("cifar-tui", look.style("text") + Style(bold=True))
    text.append(f"   {runs:,} run{'' if runs == 1 else 's'}", look.style("text"))
    if live:
        text.append(f" · {live} live", look.style("good"))
    if unread:
        text.append(f" · reading {unread:,}", look.style("warn"))
    if wrong:
        text.append("   " + safe(wrong, max(width - text.cell_len - 5, 10), ascii=look.ascii), look.style("bad"))
    else:
        room = width - text.cell_len - 6
        if room > 10:
            path = safe(where, ascii=look.ascii)
            if cell_len(path) > room:  # its end tells more than its beginning
                path = ("." if look.ascii else "…") + pad(path[::-1], room - 1)[::-1]
            text.append(pad(path, width - text.cell_len - 1, right=True), look.style("muted"))
    if look.ascii:
        text.plain = text.plain.replace("·", ".")
    return text_strip(text, width)
