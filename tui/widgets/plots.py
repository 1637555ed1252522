"""Plots as panes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message
from textual.strip import Strip

from core import events as ev
from tui.figures import Figure, accuracy, whole_range
from tui.race import race_text
from tui.render.axes import value_label
from tui.render.plot import PlotSpec, Stroke, draw_plot, layout, legend, readout
from tui.widgets.drawn import BATCHES, COMMANDS, EPOCHS, Drawn, Scene
from tui.widgets.frame import Title, framed

_TITLE_AIR = 10  # columns of a title line that are corners and spaces
_EDGE = 1  # columns and lines of the frame on each side
MACHINE = frozenset({ev.SystemSampled, ev.Resumed, ev.RunStarted, ev.RunEnded})
"""What changes plots of the machine's load."""
_STEPS = BATCHES | EPOCHS | COMMANDS
_LEAST_WAIT_SECONDS = 0.4
"""Of the run's time: curves that move twice a second look alive."""
_LEAST_WAIT_BESIDE_A_CPU = 0.95
"""Where the training needs the very cores that draw, once a second has to do: plots are most of what watching costs."""
_LONGEST_WAIT_SECONDS = 1.0
"""Of the run's time: after so long the newest value is drawn even where its point would not move."""


class PlotPane(Drawn, can_focus=True):
    """A plot in a frame. Zoom, pan and crosshair are the run screen's: they hold for all plots.

    Args:
        scene: the run and how it is looked at.
        figure: from a run and a view to the plot.
        title: its name.
        watches: events that may change it.
    """

    class Pointed(Message):
        """The mouse was put on an x of a plot."""

        def __init__(self, x: float) -> None:
            super().__init__()
            self.x = x

    class Wheeled(Message):
        """The wheel was turned over an x of a plot."""

        def __init__(self, x: float, closer: bool) -> None:
            super().__init__()
            self.x, self.closer = x, closer

    def __init__(
        self, scene: Scene, figure: Figure, title: str, watches: frozenset[type] = _STEPS, **kwargs: Any
    ) -> None:
        super().__init__(scene, **kwargs)
        self.figure = figure
        self.title = title
        self._watches = watches
        self._shown_until = (0, 0.0)
        """Step and time of the run in the last drawing."""

    @property
    def spec(self) -> PlotSpec:
        """What it shows now."""
        return self.figure(self.scene.state, self.scene.view)

    def show_new(self, kinds: set[type] | None) -> None:
        """Draw anew, unless all that is new are steps too few to be seen: half a dot of a million is thousands."""
        if kinds is None or (kinds & self._watches and (kinds & self._watches != {ev.Batches} or self._has_moved())):
            self.redraw()

    def _has_moved(self) -> bool:
        state = self.scene.state
        step, shown_seconds = self._shown_until
        waited = abs(state.seconds - shown_seconds)
        on_cpu = state.run is not None and state.run.device.name == "cpu"
        if waited < (_LEAST_WAIT_BESIDE_A_CPU if on_cpu else _LEAST_WAIT_SECONDS):
            return False
        low, high = whole_range(state, self.scene.view)
        start, end = self.scene.view.window or (low, high)
        half_a_dot = state.step * (end - start) / (high - low) / max(4 * self.size.width, 1)
        return abs(state.step - step) >= half_a_dot or waited >= _LONGEST_WAIT_SECONDS

    def draw(self, width: int, height: int) -> list[Strip]:
        """Plot, legend, and the values at the crosshair or the newest ones."""
        look = self.scene.look
        self._shown_until = (self.scene.state.step, self.scene.state.seconds)
        spec = self.spec
        body = draw_plot(spec, width - 2, height - 2, look)
        right = values(spec, self.scene)
        if self.figure is accuracy and not right:
            right = Text(race_text(self.scene.state, self.scene.view), look.style("now"))
        room = width - cell_len(self.title) - (right.cell_len + 2 if right else 0) - _TITLE_AIR
        title = Title(self.title, legend=legend(spec, look, room), right=right)
        return framed(body, title, width, height, look, focused=self.has_focus)

    def columns(self) -> list[float]:
        """x of each column of the plot, for moving the crosshair by one."""
        frame = layout(replace(self.spec, crosshair=None), self.size.width - 2, self.size.height - 2)
        return [frame.x_at(column) for column in range(frame.columns)] if frame else []

    def x_at(self, column: int) -> float | None:
        """x under a column of the widget; None beside the curves."""
        frame = layout(self.spec, self.size.width - 2, self.size.height - 2)
        if frame is None or not 0 <= column - _EDGE - frame.left < frame.columns:
            return None
        return frame.x_at(column - _EDGE - frame.left)

    def on_click(self, event: events.Click) -> None:
        """Put the crosshair there."""
        x = self.x_at(event.x)
        if x is not None:
            self.post_message(self.Pointed(x))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        self._wheel(event, closer=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        self._wheel(event, closer=False)

    def _wheel(self, event: events.MouseEvent, *, closer: bool) -> None:
        x = self.x_at(event.x)
        if x is not None:
            event.stop()
            self.post_message(self.Wheeled(x, closer))


def values(spec: PlotSpec, scene: Scene) -> Text:
    """The values of the curves at the crosshair; empty without one."""
    look = scene.look
    text = Text(no_wrap=True, end="")
    at = spec.crosshair
    if at is None:
        return text
    text.append(f"{spec.x.title} {value_label(spec.x, at)}", look.style("muted"))
    for reading in readout(spec, at):
        if reading.series.stroke is not Stroke.BAND and reading.series.label:
            text.append("  " + value_label(spec.y, reading.y), look.style(reading.series.role))
    return text
