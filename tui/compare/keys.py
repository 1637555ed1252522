"""Every key of the comparison, and when it does something."""

from __future__ import annotations

from textual.binding import Binding

from tui.bindings import SUSPEND, Keys
from tui.compare.answers import num_screenfuls
from tui.compare.board import CLASSES, CONFUSION, CURVES, IMAGES, PANES, Board
from tui.compare.drawings import plots_shown

_PAIR = frozenset({CONFUSION, CLASSES, IMAGES})
_HERE: dict[str, frozenset[int]] = {
    "along": frozenset({CURVES}), "log": frozenset({CURVES}), "smooth": frozenset({CURVES}),
    "bands": frozenset({CURVES}), "other(False)": _PAIR, "other(True)": _PAIR, "swap": _PAIR,
    "normalise": frozenset({CONFUSION}), "hide_diagonal": frozenset({CONFUSION}),
    "group": frozenset({CONFUSION, CLASSES}), "open": frozenset({CONFUSION, CLASSES}), "filter": frozenset({CLASSES}),
    "page(1)": frozenset({IMAGES}),
}  # fmt: skip
"""Keys that do something in some panes only."""


def is_of_use(action: str, board: Board, width: int, height: int) -> bool:
    """Whether a key does something to a board that is shown at this size."""
    if board.pane not in _HERE.get(action, (board.pane,)):
        return False
    match action:
        case "bands":
            return board.has_seeds
        case "smooth":
            return any(metric == "train_loss" for _, metric, _ in plots_shown(width, height)[0])
        case "other(False)" | "other(True)":
            return len(board.runs) > 2
        case "group":
            return any(run.state.run and run.state.run.superclass_of for run in board.pair)
        case "open" | "normalise" | "hide_diagonal" | "filter":
            return not board.comparable
        case "page(1)":
            return num_screenfuls(board, width, height) > 1
        case _:
            return True


COMPARE: Keys = [
    *(
        Binding(str(number + 1), f"pane({number})", name, show=False, tooltip=f"Show {name.lower()}")
        for number, name in enumerate(PANES)
    ),
    Binding("tab", "next_pane(1)", "Next pane", show=False, tooltip="The next pane"),
    Binding("shift+tab", "next_pane(-1)", "Pane before", show=False, tooltip="The pane before"),
    Binding("enter", "open", "Open", key_display="⏎", tooltip="The images behind a difference; into a superclass"),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Only classes whose name holds a text"),
    Binding("x", "along", "X-axis", tooltip="Step, epoch or training time; in pairs: swap the two"),
    Binding("y", "log", "Log y", tooltip="Logarithmic y-axes"),
    Binding("S", "smooth", "Smoothing", tooltip="Smooth the training curves more, or not at all"),
    Binding("b", "bands", "Seeds", tooltip="Seeds of one recipe as mean and range, or each by itself"),
    Binding("left_square_bracket", "other(False)", "First run", key_display="[", tooltip="Subtract another run"),
    Binding("right_square_bracket", "other(True)", "Second run", key_display="]", tooltip="From another run"),
    Binding("w", "swap", "Swap", tooltip="The two runs the other way round"),
    Binding("g", "group", "Groups", tooltip="Superclasses or all classes; in the list: a superclass's together"),
    Binding("m", "normalise", "Rows/cols", tooltip="Shares of the row, of the column, or counts"),
    Binding("h", "hide_diagonal", "Diagonal", tooltip="Hide or show the right answers"),
    Binding("up", "move(-1, 0)", "Up", show=False, key_display="↑", tooltip="Cursor or lines up"),
    Binding("down", "move(1, 0)", "Down", show=False, key_display="↓", tooltip="Cursor or lines down"),
    Binding("left", "move(0, -1)", "Left", show=False, key_display="←", tooltip="Cursor left; runs before"),
    Binding("right", "move(0, 1)", "Right", show=False, key_display="→", tooltip="Cursor right; runs after"),
    Binding("pageup", "page(-1)", "Page up", show=False, key_display="PgUp", tooltip="A screenful back"),
    Binding("pagedown", "page(1)", "Page", key_display="PgDn", tooltip="A screenful on"),
]
LEAVING: Keys = [
    Binding("p", "app.next_palette", "Palette", show=False, tooltip="The next palette of colours"),
    Binding("t", "app.toggle_theme", "Light/dark", show=False, tooltip="Light or dark theme"),
    Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys"),
    Binding("escape", "back", "Back", show=False, key_display="esc", tooltip="Close images, superclass, filter; leave"),
    Binding("q,ctrl+c", "leave", "Leave", key_display="q", tooltip="Leave the comparison"),
    SUSPEND,
]
