"""Runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from core.errors import CifarTuiError, StorageError
from core.runfolder import RunFolder
from tui.bindings import Keys, key_name
from tui.compare.board import ALONG, PANES, Board, Compared
from tui.compare.drawings import draw_curves, draw_settings
from tui.compare.pair import draw_classes, draw_confusion, draw_images
from tui.render.heatmap import Normalise
from tui.screens.help import HelpScreen, Section
from tui.screens.scene_screen import SceneScreen
from tui.source import LiveSource
from tui.view import SMOOTHINGS
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.keybar import Hint, KeyBar, Tabs

_DRAWINGS = (draw_curves, draw_settings, draw_confusion, draw_classes, draw_images)
_HERE: dict[str, frozenset[int]] = {
    "along": frozenset({0}), "log": frozenset({0}), "smooth": frozenset({0}), "bands": frozenset({0}),
    "other(False)": frozenset({2, 3, 4}), "other(True)": frozenset({2, 3, 4}), "swap": frozenset({2, 3, 4}),
    "normalise": frozenset({2}),
}  # fmt: skip
"""In which panes a key does something."""
COMPARE: Keys = [
    *(
        Binding(str(number + 1), f"pane({number})", name, show=False, tooltip=f"Show {name.lower()}")
        for number, name in enumerate(PANES)
    ),
    Binding("tab", "next_pane(1)", "Next pane", show=False, tooltip="The next pane"),
    Binding("shift+tab", "next_pane(-1)", "Pane before", show=False, tooltip="The pane before"),
    Binding("x", "along", "X-axis", tooltip="Step, epoch or training time; in pairs: swap the two"),
    Binding("y", "log", "Log y", tooltip="Logarithmic y-axes"),
    Binding("S", "smooth", "Smoothing", tooltip="Smooth the training curves more, or not at all"),
    Binding("b", "bands", "Seeds", tooltip="Seeds of one recipe as mean and range, or each by itself"),
    Binding("left_square_bracket", "other(False)", "First run", key_display="[", tooltip="Subtract another run"),
    Binding("right_square_bracket", "other(True)", "Second run", key_display="]", tooltip="From another run"),
    Binding("w", "swap", "Swap", tooltip="The two runs the other way round"),
    Binding("m", "normalise", "Rows/cols", tooltip="Shares of the row, of the column, or counts"),
    Binding("up", "move(-1, 0)", "Up", show=False, key_display="↑", tooltip="Cursor or lines up"),
    Binding("down", "move(1, 0)", "Down", show=False, key_display="↓", tooltip="Cursor or lines down"),
    Binding("left", "move(0, -1)", "Left", show=False, key_display="←", tooltip="Cursor left"),
    Binding("right", "move(0, 1)", "Right", show=False, key_display="→", tooltip="Cursor right"),
    Binding("pageup", "page(-1)", "Page up", show=False, key_display="PgUp", tooltip="A screenful back"),
    Binding("pagedown", "page(1)", "Page down", show=False, key_display="PgDn", tooltip="A screenful on"),
]
LEAVING: Keys = [
    Binding("p", "app.next_palette", "Palette", show=False, tooltip="The next palette of colours"),
    Binding("t", "app.toggle_theme", "Light/dark", show=False, tooltip="Light or dark theme"),
    Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys"),
    Binding("escape,q,ctrl+c", "leave", "Back", key_display="q", tooltip="Leave the comparison"),
]


def load_runs(folders: Sequence[RunFolder]) -> tuple[list[LiveSource], list[str]]:
    """The runs that can be read, and what is wrong with the others."""
    runs, problems = [], []
    for folder in folders:
        source = LiveSource(folder)
        try:
            source.advance()
            while source.is_behind:
                source.advance()
        except CifarTuiError as error:
            problems.append(str(error))
            continue
        if source.state.run is None:
            told = f"{source.num_corrupt} damaged or foreign lines" if source.num_corrupt else "no event of its start"
            problems.append(f"{folder.id} cannot be compared: its log has {told}")
        else:
            runs.append(source)
    return runs, problems


class BoardView(Drawn, can_focus=True):
    """The pane at hand."""

    def __init__(self, scene: Scene, board: Board, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.board = board

    def draw(self, width: int, height: int) -> list[Strip]:
        """Draw it."""
        return _DRAWINGS[self.board.pane](self.board, width, height, self.scene.look)


class CompareScreen(SceneScreen):
    """Curves, settings, confusion, classes and images of runs against each other.

    Args:
        scene: for its look.
        sources: two runs or more, in the order of their letters.
        interval_seconds: between looks at the runs that still go on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*COMPARE, *LEAVING]

    def __init__(self, scene: Scene, sources: Sequence[LiveSource], interval_seconds: float = 1.0) -> None:
        super().__init__()
        self.scene, self._sources, self._interval = scene, list(sources), interval_seconds
        runs = tuple(Compared(source.folder, source.state, number) for number, source in enumerate(sources))
        view = scene.view
        self.board = Board(runs, along=view.x_unit.value, log_y=view.log_y, smoothing=view.smoothing)

    def compose(self) -> ComposeResult:
        """Panes, the pane, keys."""
        yield Tabs(self.scene, list(PANES), lambda: self.board.pane, self.action_pane, id="tabs")
        yield BoardView(self.scene, self.board, id="board")
        yield KeyBar(self.scene, self.hints, id="keys")

    def on_mount(self) -> None:
        """Follow the runs."""
        self.query_one(BoardView).focus()
        self.set_interval(self._interval, self.look)

    def look(self) -> None:
        """Runs that still go on have more to show."""
        news = 0
        for source in self._sources:
            if source.is_live:
                try:
                    news += len(source.advance())
                except StorageError as error:
                    self.notify(str(error), severity="error", markup=False)
        if news:
            self.show_board(replace(self.board, changed=self.board.changed + 1))

    def show_board(self, board: Board) -> None:
        """Look at it in another way."""
        self.board = self.query_one(BoardView).board = board
        self.redraw_all()

    def action_pane(self, number: int) -> None:
        """By its digit."""
        self.show_board(replace(self.board, pane=number, scroll=0))

    def action_next_pane(self, direction: int) -> None:
        """The next one."""
        self.action_pane((self.board.pane + direction) % len(PANES))

    def action_along(self) -> None:
        """Step, epoch, time; between two runs, swap them."""
        if self.board.pane >= 2:
            self.action_swap()
            return
        self.show_board(replace(self.board, along=ALONG[(ALONG.index(self.board.along) + 1) % len(ALONG)]))

    def action_log(self) -> None:
        """Logarithmic or linear."""
        self.show_board(replace(self.board, log_y=not self.board.log_y))

    def action_smooth(self) -> None:
        """More, or none."""
        stronger = [weight for weight in SMOOTHINGS if weight > self.board.smoothing + 1e-9]
        self.show_board(replace(self.board, smoothing=stronger[0] if stronger else 0.0))

    def action_bands(self) -> None:
        """Seeds together or apart."""
        self.show_board(replace(self.board, bands=not self.board.bands))

    def action_other(self, second: bool) -> None:
        """Another run on one side of the pair."""
        self.show_board(self.board.with_next(second=second))

    def action_swap(self) -> None:
        """The other way round."""
        self.show_board(self.board.swapped())

    def action_normalise(self) -> None:
        """Rows, columns, counts."""
        kinds = list(Normalise)
        turned = kinds[(kinds.index(self.board.normalise) + 1) % len(kinds)]
        self.show_board(replace(self.board, normalise=turned))

    def action_move(self, down: int, right: int) -> None:
        """The cursor of the map, or the lines of a list."""
        board = self.board
        if board.pane == 2:
            most = max(len(board.classes) - 1, 0)
            row, column = (min(max(at + by, 0), most) for at, by in zip(board.cursor, (down, right), strict=True))
            self.show_board(replace(board, cursor=(row, column)))
        elif board.pane in (1, 3, 4):
            self.show_board(replace(board, scroll=max(board.scroll + down + right, 0)))

    def action_page(self, pages: int) -> None:
        """By screenfuls; images turn over as a whole."""
        lines = 1 if self.board.pane == 4 else max(self.query_one(BoardView).size.height - 3, 1)
        self.show_board(replace(self.board, scroll=max(self.board.scroll + pages * lines, 0)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down."""
        self.action_move(1, 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up."""
        self.action_move(-1, 0)

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen(self.key_sections(), self.scene.look))

    def key_sections(self) -> list[Section]:
        """All keys."""
        return [("Compare", COMPARE), ("Look and leave", LEAVING)]

    def action_leave(self) -> None:
        """Back to the home screen, or out."""
        if len(self.app.screen_stack) > 2:
            self.dismiss()
        else:
            self.app.exit()

    def hints(self) -> list[Hint]:
        """The footer: what does something in this pane."""
        return [
            Hint("1-5", "Panes", f"pane({(self.board.pane + 1) % len(PANES)})", rank=0),
            *(
                Hint(key_name(key), key.description, key.action, rank=0 if key in LEAVING else 1)
                for key in [*COMPARE, *LEAVING]
                if key.show and self.board.pane in _HERE.get(key.action, frozenset(range(len(PANES))))
            ),
        ]
