"""Every key of the run screen. The help and the command palette are made from these lists, and that part of the footer
which steers the training; the rest of it is written out, as it names several keys at once."""

from __future__ import annotations

from textual.binding import Binding

PANES = ("Overview", "Classes", "Confusion", "Images", "Model", "System", "Log")
"""Titles of the panes, in the order of their digit keys."""

Keys = list[Binding]

SUSPEND = Binding(
    "ctrl+z",
    "app.suspend_process",
    "Suspend",
    show=False,
    priority=True,  # in dialogs, too
    tooltip="To the shell, whose fg comes back; trainings go on",
)
STEERING: Keys = [
    Binding(
        "space", "pause", "Pause", key_display="space", tooltip="Pause the training before its next step, or go on"
    ),
    Binding("c", "checkpoint", "Checkpoint", tooltip="Save a checkpoint now"),
    Binding("e", "evaluate", "Evaluate", tooltip="Evaluate on the validation set now"),
    Binding("s", "stop", "Stop…", tooltip="End the training after this step"),
    Binding("l", "scale_lr", "Lr…", tooltip="Scale the learning rate from here on"),
    Binding("n", "change_epochs", "Epochs…", tooltip="Change the number of epochs"),
]
LEAVING: Keys = [
    Binding("d", "detach", "Detach", tooltip="Leave; the training goes on"),
    Binding("q", "leave", "Quit…", tooltip="Ask how to leave"),
    Binding("ctrl+c", "interrupt", "Detach", show=False, priority=True, key_display="^c ^c", tooltip="Twice: detach"),
    SUSPEND,
]
PANE_KEYS: Keys = [
    Binding(str(index + 1), f"show_pane({index})", name, show=False, tooltip=f"Show {name.lower()}")
    for index, name in enumerate(PANES)
]
PLOTS: Keys = [
    Binding("plus,equals_sign", "zoom(True)", "Zoom in", show=False, key_display="+", tooltip="Half the x-axis"),
    Binding("minus", "zoom(False)", "Zoom out", show=False, key_display="-", tooltip="Twice the x-axis"),
    Binding("0", "reset_view", "All", show=False, tooltip="The whole x-axis, no crosshair"),
    Binding("less_than_sign,comma", "pan(-1)", "Earlier", show=False, key_display="<", tooltip="Move the window left"),
    Binding("greater_than_sign,full_stop", "pan(1)", "Later", show=False, key_display=">", tooltip="Move it right"),
    Binding(
        "left", "crosshair(-1)", "Crosshair left", show=False, key_display="←", tooltip="Values one column earlier"
    ),
    Binding("right", "crosshair(1)", "Crosshair right", show=False, key_display="→", tooltip="Values one column later"),
    Binding("y", "toggle_log", "Log y", show=False, tooltip="Logarithmic y for loss, lr and gradient"),
    Binding("x", "next_x_unit", "X-axis", show=False, tooltip="Count steps, epochs or time"),
    Binding("S", "next_smoothing", "Smoothing", show=False, tooltip="More smoothing, or none"),
    Binding("z", "full_screen", "Full screen", show=False, tooltip="The focused pane alone, or all again"),
]
LOOKING: Keys = [
    Binding("f", "freeze", "Freeze view", tooltip="Hold the picture still; the training goes on"),
    Binding("escape", "back", "Back", show=False, key_display="esc", tooltip="Close, or go back"),
    Binding("p", "app.next_palette", "Palette", show=False, tooltip="The next palette of colours"),
    Binding("t", "app.toggle_theme", "Light/dark", show=False, tooltip="Light or dark theme"),
    Binding("question_mark", "help", "Help", key_display="?", tooltip="All keys"),
]

REPLAY: Keys = [
    Binding("left_parenthesis,shift+left", "step_chunk(-1)", "Steps back", show=False, key_display="(",
            tooltip="Rewind: a chunk of steps back; a live run too"),
    Binding("right_parenthesis,shift+right", "step_chunk(1)", "Steps on", show=False, key_display=")",
            tooltip="A chunk of steps on"),
    Binding("left_curly_bracket,ctrl+left", "step_epoch(-1)", "Epoch back", show=False, key_display="{",
            tooltip="Rewind: to the end of the epoch before; a live run too"),
    Binding("right_curly_bracket,ctrl+right", "step_epoch(1)", "Epoch on", show=False, key_display="}",
            tooltip="To the end of the epoch"),
    Binding("home", "to_start", "Start", show=False, tooltip="Rewind to the first event"),
    Binding("end", "to_end", "End", show=False, tooltip="The end; of a live run: back to now"),
    Binding("asterisk", "to_best", "Best", show=False, key_display="*", tooltip="To the best epoch"),
    Binding("at", "go_to", "Go to…", show=False, key_display="@", tooltip="An epoch, a step, a time, a share"),
    Binding("v", "play_speed(1)", "Faster", show=False, tooltip="Play faster"),
    Binding("V", "play_speed(-1)", "Slower", show=False, tooltip="Play slower"),
]  # fmt: skip

ENDS: Keys = [
    Binding("home", "screen.to_start", "", show=False),
    Binding("end", "screen.to_end", "", show=False),
]
"""For tables of whole rows, whose own `home` and `end` only scroll sideways: they would hide the screen's."""

SECTIONS: list[tuple[str, Keys]] = [
    ("Steer the training", STEERING),
    ("Leave", LEAVING),
    ("Panes", PANE_KEYS),
    ("Plots", PLOTS),
    ("Rewind and replay", REPLAY),
    ("Look", LOOKING),
]
ALL: Keys = [binding for _, bindings in SECTIONS for binding in bindings]


def key_name(binding: Binding) -> str:
    """How a key is written on the screen."""
    return binding.key_display or binding.key.partition(",")[0].replace("ctrl+", "^").replace("question_mark", "?")
