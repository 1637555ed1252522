"""Every key of the home screen; footer, help and command palette are made from these lists."""

from __future__ import annotations

from textual.binding import Binding

from tui.bindings import SUSPEND, Keys

RUNS: Keys = [
    Binding("enter", "open", "Open", key_display="⏎", tooltip="Watch a live run, replay an ended one"),
    Binding("n", "new", "New…", tooltip="Start a run from a recipe"),
    Binding("r", "resume", "Resume", tooltip="Go on with the run from its last checkpoint"),
    Binding("space", "mark", "Mark", key_display="space", tooltip="Mark the run for comparing, or unmark it"),
    Binding("c", "compare", "Compare", tooltip="Compare the marked runs"),
    Binding("e", "annotate", "Tags…", tooltip="Tags and a note"),
    Binding("d", "delete", "Delete", tooltip="Move the run, or the marked ones, to runs/.trash"),
    Binding("u", "undo", "Undo", show=False, tooltip="Bring the run deleted last back"),
]
LIST: Keys = [
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Text, or state:running acc>70 recipe:c10* tag:keep"),
    Binding("o", "sort(1)", "Order", tooltip="Sort by the next column"),
    Binding("O", "sort(-1)", "", show=False, tooltip="Sort by the column before"),
    Binding("R", "reverse", "Reverse", show=False, tooltip="The other way round"),
    Binding("up,k", "move(-1)", "Up", show=False, key_display="↑", tooltip="The run above"),
    Binding("down,j", "move(1)", "Down", show=False, key_display="↓", tooltip="The run below"),
    Binding("pageup", "page(-1)", "Page up", show=False, key_display="PgUp", tooltip="A screenful up"),
    Binding("pagedown", "page(1)", "Page down", show=False, key_display="PgDn", tooltip="A screenful down"),
    Binding("home", "to(0)", "First", show=False, tooltip="The first run"),
    Binding("end", "to(-1)", "Last", show=False, tooltip="The last run"),
    Binding("escape", "back", "Back", show=False, key_display="esc", tooltip="Close the filter, unmark all"),
]
LOOKING: Keys = [
    Binding("p", "app.next_palette", "Palette", show=False, tooltip="The next palette of colours"),
    Binding("t", "app.toggle_theme", "Light/dark", show=False, tooltip="Light or dark theme"),
    Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys"),
    Binding("q,ctrl+c", "app.quit", "Quit", tooltip="Leave; trainings go on"),
    SUSPEND,
]
SECTIONS: list[tuple[str, Keys]] = [("Runs", RUNS), ("The list", LIST), ("Look", LOOKING)]
