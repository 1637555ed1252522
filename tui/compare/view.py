"""The pane at hand of a comparison: its drawing, and what the arrow keys and the mouse do in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.compare.answers import draw_images, num_screenfuls
from tui.compare.board import CLASSES, CONFUSION, IMAGES, SETTINGS, Board
from tui.compare.drawings import draw_curves, draw_settings, last_column, last_line
from tui.compare.gains import draw_classes, opened_class, row_at, shown_changes
from tui.compare.pair import cell_at, draw_confusion, opened_cell
from tui.widgets.drawn import Drawn, Scene

_DRAWINGS = (draw_curves, draw_settings, draw_confusion, draw_classes, draw_images)


def moved(board: Board, down: int, right: int, width: int, height: int) -> Board:
    """With the cursor, or the first line and run, elsewhere; `width` and `height` are those of the pane."""
    if board.pane == SETTINGS:
        scroll = min(max(board.scroll + down, 0), last_line(board, height))
        return replace(board, scroll=scroll, column=min(max(board.column + right, 0), last_column(board, width)))
    if board.pane == CONFUSION:
        size = len(board.groups_shown)
        return replace(board, map=board.map.clamped(size).moved(down, right, size))
    if board.pane == CLASSES:
        last = max(len(shown_changes(board)) - 1, 0)
        return replace(board, row=min(max(board.row + down + right, 0), last))
    return board


def paged(board: Board, pages: int, width: int, height: int) -> Board:
    """A screenful on; images turn over as a whole."""
    if board.pane == IMAGES:
        return replace(board, scroll=min(max(board.scroll + pages, 0), num_screenfuls(board, width, height) - 1))
    return moved(board, pages * max(height - 3, 1), 0, width, height) if board.pane in (SETTINGS, CLASSES) else board


def opened(board: Board) -> Board:
    """Into what is under the cursor."""
    if board.pane == CONFUSION:
        return opened_cell(board)
    return opened_class(board) if board.pane == CLASSES else board


class BoardView(Drawn, can_focus=True):
    """The pane at hand."""

    class Chosen(Message):
        """The mouse has chosen something.

        Args:
            board: with the choice made.
        """

        def __init__(self, board: Board) -> None:
            super().__init__()
            self.board = board

    def __init__(self, scene: Scene, board: Board, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.board = board

    def draw(self, width: int, height: int) -> list[Strip]:
        """Draw it."""
        return _DRAWINGS[self.board.pane](self.board, width, height, self.scene.look)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; the second click opens."""
        board, (width, height) = self.board, self.size
        if board.pane == CONFUSION and (cell := cell_at(board, event.x, event.y, width, height, self.scene.look)):
            board = replace(board, map=replace(board.map, cursor=cell))
        elif board.pane == CLASSES and (row := row_at(board, event.y, height)) is not None:
            board = replace(board, row=row)
        else:
            return
        self.post_message(self.Chosen(opened(board) if event.chain == 2 else board))
