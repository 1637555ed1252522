"""What each class gains or loses from one run to the other. Pure."""

from __future__ import annotations

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core.compare import ClassChange, class_changes
from tui.classes import superclass
from tui.compare.board import Board
from tui.compare.pair import pair_name
from tui.gallery import Subject
from tui.render import numbers
from tui.render.palettes import Look
from tui.render.plot import message
from tui.render.safe import pad, safe
from tui.widgets.frame import Title, framed, text_strip

_BOLD = Style(bold=True)
_SUPERCLASS_FROM = 100
"""Columns of a screen that can spare some for the superclass of each class."""


def shown_changes(board: Board) -> list[ClassChange]:
    """The classes listed: those whose name (or superclass) holds the text, the largest gain first."""
    one, other = board.pair
    if board.comparable or one.confusion is None or other.confusion is None:
        return []
    wanted = board.text.casefold().strip()
    found = [
        change
        for change in class_changes(one.confusion, other.confusion)
        if wanted in board.classes[change.index].casefold() or wanted in superclass(one.state, change.index).casefold()
    ]
    return sorted(found, key=lambda change: superclass(one.state, change.index)) if board.grouped else found


def first_line(board: Board, count: int, room: int) -> int:
    """The first of `count` classes on `room` lines: the cursor is in the middle where possible."""
    return min(max(board.row - room // 2, 0), max(count - room, 0))


def draw_classes(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Gains and losses of the classes, as bars to the right and to the left."""
    if board.comparable:
        return framed(message(board.comparable, width - 2, height - 2, look), Title("Classes"), width, height, look)
    changes = shown_changes(board)
    room = max(height - 2, 0)
    first = first_line(board, len(changes), room)
    largest = max((abs(change.gain) for change in changes if not np.isnan(change.gain)), default=0.0) or 1.0
    body = [
        _line(change, board, largest, width - 2, look, chosen=first + number == board.row)
        for number, change in enumerate(changes[first : first + room])
    ]
    if not changes:
        body = message(f"No class fits “{board.text}”", width - 2, room, look)
    gained = sum(change.gain > 0 for change in changes)
    lost = sum(change.gain < 0 for change in changes)
    right = Text(f"{gained} gain, {lost} lose", look.style("muted"))
    title = Title("Classes", legend=pair_name(board, width - 34, look), right=right)
    return framed(body, title, width, height, look)


def _line(change: ClassChange, board: Board, largest: float, width: int, look: Look, *, chosen: bool) -> Strip:
    one, other = board.pair
    text = Text(" ", no_wrap=True, end="")
    name = pad(safe(board.classes[change.index], 20, ascii=look.ascii), 20)
    text.append(name, look.style("cursor" if chosen else "text"))
    if width >= _SUPERCLASS_FROM and (of := superclass(one.state, change.index)):
        text.append(" " + pad(safe(of, 30, ascii=look.ascii), 30), look.style("muted"))
    text.append(f" {numbers.percent(change.before):>6}", look.style(one.role))
    text.append(f" {numbers.percent(change.after):>6}", look.style(other.role))
    role = "good" if change.gain > 0 else "bad" if change.gain < 0 else "muted"
    text.append(f" {numbers.points(change.gain):>6} ", look.style(role) + _BOLD)  # type: ignore[arg-type]
    half = max((width - text.cell_len - 3) // 2, 0)
    size = 0 if np.isnan(change.gain) else round(abs(change.gain) / largest * half)
    block, middle = ("#", "|") if look.ascii else ("━", "│")
    losses = (block * size if change.gain < 0 else "").rjust(half)
    gains = (block * size if change.gain > 0 else "").ljust(half)
    text.append(losses, look.style("bad")).append(middle, look.style("axis")).append(gains, look.style("good"))
    return text_strip(text, width)


def row_at(board: Board, y: int, height: int) -> int | None:
    """The class under a mouse."""
    count = len(shown_changes(board))
    room = height - 2
    row = first_line(board, count, room) + y - 1
    return row if 1 <= y <= room and row < count else None


def opened_class(board: Board) -> Board:
    """The images behind what a class gains (the second run gets them right) or loses (the first one does)."""
    changes = shown_changes(board)
    if not changes:
        return board
    change = changes[min(board.row, len(changes) - 1)]
    subject = Subject(frozenset([change.index]), None, board.classes[change.index])
    return board.images_of(subject, turned=change.gain > 0)
