"""All keys, made from the bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.bindings import key_name
from tui.render.palettes import Look
from tui.render.safe import wrap

Section = tuple[str, Sequence[Binding]]
_TWO_COLUMNS_FROM = 100
_AROUND = 8
"""Columns of border, padding and scroll bar."""
_BETWEEN = 3
_LEGEND = (
    ("╎C", "a checkpoint that was asked for · E evaluation · L learning rate · N epochs · P pause"),
    ("★", "the best epoch · ◆ now · ● an evaluation"),
)


def help_text(sections: list[Section], look: Look, room: int) -> Text:
    """Keys by section, in at most `room` columns."""
    text = Text(no_wrap=True, end="")
    width = max(cell_len(key_name(binding)) for _, bindings in sections for binding in bindings)
    for number, (title, bindings) in enumerate(sections):
        text.append(("\n" if number else "") + title + "\n", look.style("text") + Style(bold=True))
        for binding in bindings:
            text.append(" " + key_name(binding).rjust(width), look.style("now"))
            indent = "  "
            for piece in wrap(binding.tooltip or binding.description, room - width - 3):
                text.append(f"{indent}{piece}\n", look.style("text"))
                indent = " " * (width + 3)
    return text


class HelpScreen(ModalScreen[None]):
    """The keys of the run screen and of the pane at hand."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Close"),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, sections: list[Section], look: Look) -> None:
        super().__init__()
        self._sections, self._look = sections, look

    def compose(self) -> ComposeResult:
        """The keys in two columns, or in one where the screen is narrow."""
        halves = [self._sections]
        room = column = self.app.size.width * 98 // 100 - _AROUND
        if self.app.size.width >= _TWO_COLUMNS_FROM:
            total = sum(len(bindings) + 2 for _, bindings in self._sections)
            cut, seen = 0, 0
            while seen < total / 2:
                seen += len(self._sections[cut][1]) + 2
                cut += 1
            halves = [self._sections[:cut], self._sections[cut:]]
            column = room // 2 - _BETWEEN
        with VerticalScroll(classes="dialog help"):
            yield Static(Text("Keys", style="bold"), classes="question")
            with Vertical(classes="columns" if len(halves) > 1 else "column"):
                for half in halves:
                    yield Static(help_text(half, self._look, column))
            legend = Text(no_wrap=True, end="")
            for sign, meaning in _LEGEND:
                legend.append(f"{sign} ", self._look.style("mark"))
                for number, piece in enumerate(wrap(meaning, room - len(sign) - 1)):
                    legend.append(f"{' ' * (len(sign) + 1) if number else ''}{piece}\n", self._look.style("muted"))
            yield Static(legend)
            yield Static(Text("Ctrl-P finds every action by name · Esc closes"), classes="hint")

    def action_scroll(self, lines: int) -> None:
        """By the keys of vi and less."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
