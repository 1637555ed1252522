"""The bar of a replay: where in the run the picture is, and what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.render import numbers
from tui.render.canvas import Canvas
from tui.render.palettes import Look, Role

_BOLD = Style(bold=True)


@dataclass(frozen=True)
class FilmMark:
    """Something at a time of the run."""

    seconds: float
    sign: str
    role: Role
    rank: int
    """Where two share a column, the higher one is seen."""
    on_bar: bool = False
    """Whether it stands on the bar itself even where there is a line for marks above it."""


@dataclass(frozen=True)
class Film:
    """A run being replayed."""

    seconds: float
    total_seconds: float
    playing: bool
    speed: str
    title: str = "REPLAY"
    note: str = ""
    """Said on the right: that it is a live run, that the log is still being read."""
    epochs: Sequence[tuple[int, float]] = ()
    """Number of each epoch, and when it ended."""
    marks: Sequence[FilmMark] = ()
    pauses: Sequence[tuple[float, float]] = ()


def bar_place(film: Film, width: int) -> tuple[int, int]:
    """First column and number of columns of the bar itself."""
    left = cell_len(_left(film)) + 1
    return left, max(width - left - cell_len(_right(film)) - 2, 0)


def time_at(film: Film, column: int, width: int) -> float | None:
    """The run's time under a column; None beside the bar."""
    left, columns = bar_place(film, width)
    if columns < 2 or not left <= column < left + columns:
        return None
    return (column - left) / (columns - 1) * film.total_seconds


def _left(film: Film) -> str:
    return f" {film.title}  {'▶' if film.playing else '‖'} {film.speed:<4} {numbers.clock(film.seconds)}"


def _right(film: Film) -> str:
    return numbers.clock(film.total_seconds) + (f"  {film.note}" if film.note else "")


def draw_transport(film: Film, width: int, height: int, look: Look) -> list[Strip]:
    """One line with the bar, or two: marks above it."""
    canvas = Canvas(width, height)
    row = height - 1
    left, columns = bar_place(film, width)
    text = _left(film)
    if look.ascii:
        text = text.replace("▶", ">").replace("‖", "=").replace("×", "x")
    title = cell_len(film.title) + 2
    canvas.text(row, 0, text[:title], look.style("cursor"))
    canvas.text(row, title, text[title:], look.style("now" if film.playing else "text") + _BOLD)
    canvas.text(row, width - cell_len(_right(film)) - 1, _right(film), look.style("muted"))
    if columns >= 2:
        _draw_bar(canvas, film, row, left, columns, look)
    return canvas.strips()


def _draw_bar(canvas: Canvas, film: Film, row: int, left: int, columns: int, look: Look) -> None:
    total = max(film.total_seconds, 1e-9)

    def column(seconds: float) -> int:
        return left + round(min(max(seconds / total, 0.0), 1.0) * (columns - 1))

    done, rest, tick_done, tick = ("=", "-", "+", "+") if look.ascii else ("━", "─", "┷", "┴")
    now = column(film.seconds)
    canvas.repeat(row, left, rest, look.style("axis"), across=columns)
    canvas.repeat(row, left, done, look.style("done"), across=now - left)
    for start, end in film.pauses:
        canvas.repeat(
            row, column(start), ":" if look.ascii else "░", look.style("warn"), across=column(end) - column(start) + 1
        )
    spots = [(number, column(seconds)) for number, seconds in film.epochs]
    every = -(-len(spots) * 2 // columns)  # at most a tick in every second column
    for number, spot in spots:
        if number % every == 0:
            sign, role = (tick_done, "done") if spot <= now else (tick, "muted")
            canvas.text(row, spot, sign, look.style(role))  # type: ignore[arg-type]
    for mark in sorted(film.marks, key=lambda mark: mark.rank):
        sign = {"◆": "o", "★": "*"}.get(mark.sign, mark.sign) if look.ascii else mark.sign
        spot = column(mark.seconds)
        role = "done" if mark.on_bar and spot <= now else mark.role
        canvas.text(row if mark.on_bar else 0, spot, sign, look.style(role))
    canvas.text(row, now, "O" if look.ascii else "●", look.style("now") + _BOLD)
    _number_epochs(canvas, spots, left, look)


def _number_epochs(canvas: Canvas, spots: list[tuple[int, int]], left: int, look: Look) -> None:
    """Numbers of epochs where the line above the bar has room, at least five columns apart."""
    free = left - 2
    blank = ord(" ")
    for number, spot in spots:
        label = str(number)
        start = spot - len(label) // 2
        if start <= free + 4:
            continue
        around = canvas.codes[0, start - 1 : start + len(label) + 1]
        if (around == blank).all():
            canvas.text(0, start, label, look.style("muted"))
            free = start + len(label)
