"""What happened, line by line, and what the trainer printed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from tui.narrate import tell, worth_telling
from tui.render import numbers
from tui.render.palettes import Look, Role
from tui.render.plot import message
from tui.render.safe import safe, wrap
from tui.source import TextTail
from tui.widgets.drawn import LOGGED, Drawn, Scene
from tui.widgets.frame import Title, framed, text_strip
from tui.widgets.pane import Pane

KEYS = [
    Binding("up", "scroll_lines(-1)", "Up", show=False, key_display="↑", tooltip="A line back"),
    Binding("down", "scroll_lines(1)", "Down", show=False, key_display="↓", tooltip="A line on"),
    Binding("pageup", "scroll_pages(-1)", "Page", key_display="PgUp", tooltip="A page back"),
    Binding("pagedown", "scroll_pages(1)", "Page", key_display="PgDn", tooltip="A page on"),
    Binding("home", "scroll_to_start", "Start", tooltip="The first line kept"),
    Binding("end", "scroll_to_end", "Follow", tooltip="The newest line, and stay there"),
]
_MARGIN = 10  # columns for time and sign


class Lines(Drawn, can_focus=True):
    """Wrapped lines; it follows the newest until somebody scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]
    name_shown = ""

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._above: int | None = None
        """Lines above the first one shown; None follows the newest."""
        self._total = self._room = 0

    @property
    def follows(self) -> bool:
        """Whether the newest line is shown."""
        return self._above is None

    def lines(self, width: int) -> list[Strip]:
        """All lines, wrapped to `width`."""
        raise NotImplementedError

    def draw(self, width: int, height: int) -> list[Strip]:
        """Those in view."""
        look = self.scene.look
        lines = self.lines(width - 2)
        self._total, self._room = len(lines), max(height - 2, 0)
        most = max(self._total - self._room, 0)
        if self._above is not None and self._above >= most:
            self._above = None
        first = most if self._above is None else self._above
        body = lines[first : first + self._room] or message("Nothing yet", width - 2, height - 2, look)
        right = Text(f"{first + 1}–{min(first + self._room, self._total)} of {self._total}", look.style("muted"))
        title = Title(self.name_shown, right=right if most else None)
        return framed(body, title, width, height, look, focused=self.has_focus)

    def _go(self, above: int) -> None:
        self._above = max(above, 0)
        self.redraw()

    @property
    def _first(self) -> int:
        return max(self._total - self._room, 0) if self._above is None else self._above

    def action_scroll_lines(self, lines: int) -> None:
        """Some lines."""
        self._go(self._first + lines)

    def action_scroll_pages(self, pages: int) -> None:
        """Some pages."""
        self._go(self._first + pages * max(self._room - 1, 1))

    def action_scroll_to_start(self) -> None:
        """To the oldest."""
        self._go(0)

    def action_scroll_to_end(self) -> None:
        """To the newest."""
        self._above = None
        self.redraw()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Back."""
        self.action_scroll_lines(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """On."""
        self.action_scroll_lines(3)


class EventLines(Lines):
    """The run's log."""

    WATCHES = LOGGED
    name_shown = "Log"

    def lines(self, width: int) -> list[Strip]:
        """Time, sign, text."""
        look = self.scene.look
        found: list[Strip] = []
        for timed in worth_telling(self.scene.state):
            found += wrapped(numbers.clock(timed.seconds), *tell(timed), width, look)
        return found


class PrintedLines(Lines):
    """What the trainer and its libraries printed."""

    name_shown = "Printed by the trainer"

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.tail = TextTail(scene.source.folder)

    def lines(self, width: int) -> list[Strip]:
        """As they came."""
        look = self.scene.look
        return [
            text_strip(Text(" " + piece, look.style("muted"), no_wrap=True, end=""), width)
            for line in self.tail.lines
            for piece in wrap(safe(line, ascii=look.ascii), width - 2)
        ]


@lru_cache(maxsize=2048)  # 0.2 s for the 2,000 entries that a state keeps, at every key that scrolls them
def wrapped(when: str, sign: str, role: Role, text: str, width: int, look: Look) -> list[Strip]:
    """An entry as one or more lines."""
    found = []
    for number, piece in enumerate(wrap(safe(text, 4000, ascii=look.ascii), max(width - _MARGIN - 1, 10))):
        line = Text(no_wrap=True, end="")
        line.append((when if number == 0 else "").rjust(7) + " ", look.style("muted"))
        line.append((sign if number == 0 else " ") + " ", look.style(role))
        line.append(piece, look.style("bad" if role == "bad" else "text"))
        found.append(text_strip(line, width))
    return found


class LogPane(Pane):
    """The log, and below it what was printed, if anything was."""

    KEYS = KEYS

    def compose(self) -> ComposeResult:
        """Two lists."""
        yield EventLines(self.scene)
        printed = PrintedLines(self.scene)
        printed.display = False
        yield printed

    def first_focus(self) -> Widget | None:
        """The log."""
        return self.query_one(EventLines)

    @property
    def shows_log(self) -> bool:
        """Unless somebody has scrolled up."""
        return self.query_one(EventLines).follows

    def show(self, kinds: set[type] | None) -> None:
        """Printed lines come without an event."""
        self.query_one(EventLines).show_new(kinds)
        printed = self.query_one(PrintedLines)
        if printed.tail.advance() or kinds is None:
            printed.display = bool(printed.tail.lines)
            printed.redraw()
