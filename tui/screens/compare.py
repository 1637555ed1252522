"""Runs side by side."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from core.errors import CifarTuiError, StorageError
from core.runfolder import RunFolder
from tui.bindings import key_name
from tui.compare.board import ALONG, CLASSES, CONFUSION, IMAGES, PANES, Board, compared
from tui.compare.keys import COMPARE, LEAVING, is_of_use
from tui.compare.view import BoardView, moved, opened, paged
from tui.confusion_view import turned
from tui.screens.help import HelpScreen, Section
from tui.screens.scene_screen import SceneScreen
from tui.source import LiveSource
from tui.view import next_smoothing
from tui.widgets.drawn import Scene
from tui.widgets.filter import FilterInput
from tui.widgets.keybar import Hint, KeyBar, Tabs

_LOOK_SECONDS = 1.0
"""Between two looks at the runs that still go on."""


def load_runs(folders: Sequence[RunFolder]) -> tuple[list[LiveSource], list[str]]:
    """The runs that can be read, and what is wrong with the others."""
    runs, problems = [], []
    for folder in folders:
        source = LiveSource(folder)
        try:
            source.advance()
            while source.is_behind:
                source.advance()
            source.look_for_trainer(time.time())
        except CifarTuiError as error:
            problems.append(str(error))
            continue
        if source.state.run is None:
            told = f"{source.num_corrupt} damaged or foreign lines" if source.num_corrupt else "no event of its start"
            problems.append(f"{folder.id} cannot be compared: its log has {told}")
        else:
            runs.append(source)
    return runs, problems


class CompareScreen(SceneScreen):
    """Curves, settings, confusion, classes and images of runs against each other.

    Args:
        scene: for its look.
        sources: two runs or more, in the order of their letters.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*COMPARE, *LEAVING]

    def __init__(self, scene: Scene, sources: Sequence[LiveSource]) -> None:
        super().__init__()
        self.scene, self._sources = scene, list(sources)
        view = scene.view
        self.board = Board(compared(sources), along=view.x_unit.value, log_y=view.log_y, smoothing=view.smoothing)

    def compose(self) -> ComposeResult:
        """Panes, the pane, keys."""
        yield Tabs(self.scene, list(PANES), lambda: self.board.pane, self.action_pane, id="tabs")
        yield BoardView(self.scene, self.board, id="board")
        yield FilterInput(placeholder="part of a class or superclass")
        yield KeyBar(self.scene, self.hints, id="keys")

    def on_mount(self) -> None:
        """Follow the runs."""
        self.query_one(BoardView).focus()
        self.set_interval(_LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Runs that still go on have more to show."""
        news = False
        for source in self._sources:
            if source.state.ended is None:  # one that has died may be resumed elsewhere
                had_died, before = source.has_died, source.problem
                with contextlib.suppress(StorageError):  # the source's problem says why
                    news |= bool(source.advance())
                if source.problem not in ("", before):
                    self.notify(source.problem, severity="error", markup=False)
                source.look_for_trainer(time.time())
                news |= source.has_died != had_died
        if news:
            self.show_board(replace(self.board, changed=self.board.changed + 1))

    def show_board(self, board: Board) -> None:
        """Look at it in another way."""
        self.board = self.query_one(BoardView).board = board
        self.query_one(FilterInput).display = board.pane == CLASSES and bool(board.text)
        self.redraw_all()

    def action_pane(self, number: int) -> None:
        """By its digit."""
        self.query_one(BoardView).focus()  # tab leads out of the filter too
        self.show_board(self.board.with_pane(number))

    def action_next_pane(self, direction: int) -> None:
        """The next one."""
        self.action_pane((self.board.pane + direction) % len(PANES))

    def action_along(self) -> None:
        """Step, epoch, time; between two runs, swap them."""
        if self.board.pane >= CONFUSION:
            self.action_swap()
            return
        self.show_board(replace(self.board, along=ALONG[(ALONG.index(self.board.along) + 1) % len(ALONG)]))

    def action_log(self) -> None:
        """Logarithmic or linear."""
        self.show_board(replace(self.board, log_y=not self.board.log_y))

    def action_smooth(self) -> None:
        """More, or none."""
        self.show_board(replace(self.board, smoothing=next_smoothing(self.board.smoothing)))

    def action_bands(self) -> None:
        """Seeds together or apart."""
        if not self.board.has_seeds:
            self.notify("no two of the runs differ in their seed alone", timeout=2)
            return
        self.show_board(replace(self.board, bands=not self.board.bands))

    def action_other(self, second: bool) -> None:
        """Another run on one side of the pair."""
        if len(self.board.runs) == 2:
            self.notify("there are two runs only: w swaps them", timeout=2)
            return
        self.show_board(self.board.with_next(second=second))

    def action_swap(self) -> None:
        """The other way round."""
        self.show_board(self.board.swapped())

    def action_normalise(self) -> None:
        """Rows, columns, counts."""
        self.show_board(replace(self.board, map=turned(self.board.map)))

    def action_hide_diagonal(self) -> None:
        """Hide or show."""
        shown = self.board.map
        self.show_board(replace(self.board, map=replace(shown, hide_diagonal=not shown.hide_diagonal)))

    def action_group(self) -> None:
        """Superclasses or all classes; where there are none, say so."""
        board = self.board
        run = board.pair[0].state.run
        if run is None or not run.superclass_of:
            self.notify("this data set has no superclasses", timeout=2)
        elif board.pane == CLASSES:
            self.show_board(replace(board, grouped=not board.grouped, row=0))
        elif board.pane == CONFUSION:
            grouped = len(board.groups_shown) == len(run.superclasses)
            shown = replace(board.map, by_superclass=not grouped, opened=None, cursor=(0, 0))
            self.show_board(replace(board, map=shown))

    def action_move(self, down: int, right: int) -> None:
        """The cursor, or the lines of a list."""
        self.show_board(moved(self.board, down, right, *self.query_one(BoardView).size))

    def action_page(self, pages: int) -> None:
        """By screenfuls."""
        self.show_board(paged(self.board, pages, *self.query_one(BoardView).size))

    def action_open(self) -> None:
        """The images behind a difference, or the classes of a superclass."""
        self.show_board(opened(self.board))

    def on_board_view_chosen(self, message: BoardView.Chosen) -> None:
        """By the mouse."""
        self.show_board(message.board)

    def action_back(self) -> None:
        """Out of the images of a cell, the classes of a superclass or the filter, else out of the comparison."""
        board = self.board
        if board.origin is not None:
            self.show_board(replace(board.origin, changed=board.changed))
        elif self._is_within and (at := board.map.opened) is not None:
            self.show_board(replace(board, map=replace(board.map, opened=None, cursor=(at, at))))
        elif board.pane == CLASSES and self.query_one(FilterInput).close():
            self.query_one(BoardView).focus()
        else:
            self.action_leave()

    # -- the filter of the classes ------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type what the names should hold."""
        if self.board.pane == CLASSES:
            self.query_one(FilterInput).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        typing = self.query_one(FilterInput).has_focus
        self.show_board(replace(self.board, text=event.value, row=0))
        self.query_one(FilterInput).display |= typing

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and give the keys back."""
        self.query_one(FilterInput).close(keep=True)
        self.query_one(BoardView).focus()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down; the next images."""
        self._scroll(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up; the images before."""
        self._scroll(-1)

    def _scroll(self, direction: int) -> None:
        if self.board.pane == IMAGES:
            self.action_page(direction)
        else:
            self.action_move(direction, 0)

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen(self.key_sections(), self.scene.look))

    def key_sections(self) -> list[Section]:
        """All keys."""
        return [("Compare", COMPARE), ("Look and leave", LEAVING)]

    def action_leave(self) -> None:
        """Back to the home screen, or out."""
        self.close()

    def hints(self) -> list[Hint]:
        """The footer: what does something in this pane."""
        pane, aside = self.board.pane, self.board.origin is not None or self._is_within
        return [
            Hint("1-5", "Panes", f"pane({(pane + 1) % len(PANES)})", rank=0),
            *([Hint("esc", "Back", "back", rank=0)] if aside else []),
            *(
                Hint(key_name(key), key.description, key.action, rank=0 if key in LEAVING else 1)
                for key in [*COMPARE, *LEAVING]
                if key.show and is_of_use(key.action, self.board, *self.query_one(BoardView).size)
            ),
        ]

    @property
    def _is_within(self) -> bool:
        """Whether the classes of one superclass are shown."""
        return self.board.pane == CONFUSION and self.board.map.opened is not None
