"""The bar of a replay as a widget: shows where the picture is, and seeks by mouse."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.message import Message
from textual.strip import Strip

from core.timeline import Moment
from tui.render.palettes import Role
from tui.render.transport import Film, FilmMark, draw_transport, time_at
from tui.replay import ReplaySource, speed_name
from tui.widgets.drawn import Drawn, Scene

_LETTERS = {"checkpoint": "C", "evaluate": "E", "lr": "L", "epochs": "N", "stop": "S"}
_Parts = tuple[tuple[tuple[int, float], ...], tuple[FilmMark, ...], tuple[tuple[float, float], ...]]
"""Epochs, marks and pauses of a film."""


class Transport(Drawn):
    """There while the run's past is shown."""

    class Sought(Message):
        """The mouse is on a time of the run."""

        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._marks_of = (-1, -1)
        self._parts: _Parts = ((), (), ())
        self._dragging = False

    @property
    def film(self) -> Film | None:
        """What it shows; None while the run is not replayed."""
        source = self.scene.source
        if not isinstance(source, ReplaySource):
            return None
        recording = source.recording
        known = (id(recording), len(recording))
        if known != self._marks_of:
            self._marks_of, self._parts = known, film_parts(source)
        note = "live" if source.live is not None and source.live.is_live else ""
        if source.is_behind:
            note = "reading…"
        elif recording.num_corrupt:
            note = f"{recording.num_corrupt} damaged lines"
        return Film(
            seconds=source.seconds,
            total_seconds=source.total_seconds,
            playing=source.playing,
            speed=speed_name(source.speed),
            title="REWOUND" if source.live is not None else "REPLAY",
            note=note,
            epochs=self._parts[0],
            marks=self._parts[1],
            pauses=self._parts[2],
        )

    def draw(self, width: int, height: int) -> list[Strip]:
        """Bar and marks."""
        film = self.film
        return draw_transport(film, width, height, self.scene.look) if film else [Strip.blank(width)] * height

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Seek there, and follow the mouse from here on."""
        self._dragging = self._seek(event.x)
        self.capture_mouse(self._dragging)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while its button is held."""
        if self._dragging:
            self._seek(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The button is up again."""
        self._dragging = False
        self.capture_mouse(False)

    def _seek(self, x: int) -> bool:
        film = self.film
        seconds = time_at(film, x, self.size.width) if film else None
        if seconds is not None:
            self.post_message(self.Sought(seconds))
        return seconds is not None


def film_parts(source: ReplaySource) -> _Parts:
    """Ends of epochs, marks and pauses of a recording."""
    recording = source.recording
    best = recording.place_of_best()
    marks = [mark for moment in recording.moments if (mark := _mark(moment)) is not None]
    if best:
        marks.append(FilmMark(recording.seconds[best - 1], "★", "best", 3))
    pauses: list[tuple[float, float]] = []
    begun: float | None = None
    for moment in recording.moments:
        if moment.kind == "pause":
            begun = moment.seconds
        elif begun is not None and moment.kind in ("unpause", "resumed", "ended"):
            pauses.append((begun, moment.seconds))
            begun = None
    if begun is not None:
        pauses.append((begun, recording.whole.seconds))
    epochs = tuple((moment.epoch, moment.seconds) for moment in recording.moments if moment.kind == "epoch")
    return epochs, tuple(marks), tuple(pauses)


def _mark(moment: Moment) -> FilmMark | None:
    role: Role = "mark"
    if moment.kind == "checkpoint":
        return FilmMark(moment.seconds, "◆", "muted", 0, on_bar=True)
    if moment.kind == "command" and moment.letter in _LETTERS:
        return FilmMark(moment.seconds, _LETTERS[moment.letter], role, 2)
    if moment.kind == "resumed":
        return FilmMark(moment.seconds, "R", role, 1)
    return None
