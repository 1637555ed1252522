"""A widget that is a drawing: a pure function of the run and a size gives strips, and only the cells that differ from
the last drawing go to the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core import events as ev
from core.state import RunState
from tui.render.palettes import Look
from tui.source import Source
from tui.view import View

_ANEW = frozenset({ev.Resumed, ev.RolledBack, ev.RunStarted, ev.RunEnded})
BATCHES = _ANEW | {ev.Batches}
EPOCHS = _ANEW | {ev.EpochEnded, ev.Evaluated}
COMMANDS = frozenset({ev.CommandHandled, ev.Paused, ev.Unpaused, ev.PlanChanged})
LOGGED = EPOCHS | COMMANDS | {ev.CheckpointSaved, ev.Notice, ev.PhaseChanged}


@dataclass
class Scene:
    """What all drawings of a run screen are made from."""

    source: Source
    view: View
    look: Look

    @property
    def state(self) -> RunState:
        """The run as it is shown."""
        return self.source.state

    @property
    def is_over(self) -> bool:
        """Whether the run has come to its end, with a word of its own or without one."""
        return self.state.ended is not None or self.source.has_died


class Drawn(Widget):
    """Base of drawings. `draw` gives them; `redraw` shows what has changed."""

    WATCHES: ClassVar[frozenset[type]] = frozenset()
    """Events after which it may look different."""

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scene = scene
        self._strips: list[Strip] = []
        self._base: Style | None = None
        self._drawn_for: tuple[int, int] | None = None
        self._moment: object = None

    def moment(self) -> object:
        """All that the drawing depends on but its size, where that is told faster than drawn; None where it is not."""
        return None

    def draw(self, width: int, height: int) -> list[Strip]:
        """The drawing as `height` strips of `width` cells."""
        raise NotImplementedError

    def show_new(self, kinds: set[type] | None) -> None:
        """Draw anew what events of these kinds may have changed; None means in any case."""
        if kinds is None or self.WATCHES & kinds:
            self.redraw()

    def redraw(self) -> None:
        """Draw anew and refresh the cells that have changed."""
        width, height = self.size
        if not (width and height) or not self.is_attached:
            self._drawn_for = None  # what was drawn before it was hidden is no longer true
            return
        before_moment, self._moment = self._moment, self.moment()
        is_drawn = self._drawn_for == (width, height) and self._base is not None
        if is_drawn and self._moment is not None and self._moment == before_moment:
            return
        before, self._strips = self._strips, self.draw(width, height)
        if not is_drawn:
            self._drawn_for = (width, height)
            self.refresh()
            return
        regions = []
        for y, (old, new) in enumerate(zip(before, self._strips, strict=False)):
            span = changed_span(old, new)
            if span is None:
                self._strips[y] = old  # with all that Textual has made of it
            else:
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Frames show it. Handlers of focus and blur would come before it has changed."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def notify_style_update(self) -> None:
        """Colours may have changed, so that all lines must be made anew."""
        super().notify_style_update()
        self._base = None

    def render_line(self, y: int) -> Strip:
        """A line for Textual."""
        width, height = self.size
        if self._drawn_for != (width, height):
            self._strips, self._drawn_for = self.draw(width, height), (width, height)
        if self._base is None:
            self._base = self.rich_style  # looked up once: it costs as much as twenty lines
        line = self._strips[y] if y < len(self._strips) else Strip.blank(width)
        return line.apply_style(self._base)  # drawings bring no background of their own


def changed_span(old: Strip, new: Strip) -> tuple[int, int] | None:
    """First and one past the last cell in which two lines differ; None where they are alike."""
    before, after = old._segments, new._segments
    if before == after:
        return None
    if old.cell_length != new.cell_length:
        return 0, max(old.cell_length, new.cell_length)
    start = _common_cells(before, after)
    end = new.cell_length - _common_cells(before[::-1], after[::-1])
    return (start, end) if start < end else (0, new.cell_length)


def _common_cells(before: list[Segment], after: list[Segment]) -> int:
    cells = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        cells += old.cell_length
    return cells
