"""The frame around a pane, with its title, what its lines mean, and a figure on the right.

Drawn and not styled, so that it is part of what a drawing function gives and fits the terminal at hand (ASCII has no
round corners)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.render.canvas import Canvas
from tui.render.palettes import Look

_BOLD = Style(bold=True)


@dataclass(frozen=True)
class Title:
    """What stands in the upper edge of a frame. What has no room is left out: first the legend, then the right."""

    name: str
    key: str = ""
    """The key that opens it."""
    legend: Text | None = None
    right: Text | None = None
    heads: tuple[tuple[int, str], ...] = ()
    """Heads of columns, each with the column of the frame where it begins; they take the place of a legend."""


def framed(
    body: list[Strip], title: Title, width: int, height: int, look: Look, *, focused: bool = False
) -> list[Strip]:
    """`body`, which is width - 2 by height - 2, in a frame of width x height."""
    if width < 2 or height < 2:
        return [Strip.blank(width)] * height
    line = look.style("done" if focused else "axis")
    corners = "++++" if look.ascii else "╭╮╰╯"
    across, side = ("-", "|") if look.ascii else ("─", "│")
    edge = Segment(side, line)
    strips = [_top(title, width, corners[:2], across, line, look)]
    for strip in body[: height - 2]:
        strips.append(Strip([edge, *strip.adjust_cell_length(width - 2), edge], width))
    empty = Strip([edge, Segment(" " * (width - 2)), edge], width)
    strips += [empty] * (height - 1 - len(strips))
    strips.append(Strip([Segment(corners[2] + across * (width - 2) + corners[3], line)], width))
    return strips


def head(title: Title, width: int, look: Look) -> Strip:
    """A title line alone, for panes that have no column to spare for a frame."""
    across = "-" if look.ascii else "─"
    return _top(title, width, across * 2, across, look.style("axis"), look)


def _top(title: Title, width: int, corners: str, across: str, line: Style, look: Look) -> Strip:
    canvas = Canvas(width, 1)
    canvas.repeat(0, 0, across, line, across=width)
    canvas.text(0, 0, corners[0], line)
    canvas.text(0, width - 1, corners[1], line)
    free, end = 2, width - 2
    name = f" {title.key} " if title.key else " "
    if free + cell_len(name + title.name) + 1 > end:
        return canvas.strips()[0]
    canvas.text(0, free, name, look.style("now"))
    canvas.text(0, free + cell_len(name), title.name + " ", look.style("text") + _BOLD)
    free += cell_len(name + title.name) + 1
    if title.right is not None and title.right.cell_len and free + title.right.cell_len + 3 <= end:
        end -= title.right.cell_len + 2
        _write(canvas, end, Text(" ") + title.right + Text(" "))
    if title.legend is not None and title.legend.cell_len and free + title.legend.cell_len + 4 <= end:
        _write(canvas, free, Text("  ") + title.legend + Text(" "))
    for column, text in title.heads:
        if free <= column - 1 and column + cell_len(text) + 1 <= end:
            canvas.text(0, column - 1, f" {text} ", look.style("muted"))
    return canvas.strips()[0]


def _write(canvas: Canvas, column: int, text: Text) -> None:
    for segment in text_strip(text):
        canvas.text(0, column, segment.text, segment.style or Style())
        column += cell_len(segment.text)


def text_strip(text: Text, width: int | None = None) -> Strip:
    """One line of Text as a strip, cut or padded to `width`."""
    base = text.style if isinstance(text.style, Style) else Style()
    plain = text.plain
    cuts = sorted({0, len(plain), *(min(edge, len(plain)) for span in text.spans for edge in (span.start, span.end))})
    segments = []
    for start, end in itertools.pairwise(cuts):
        style = base
        for span in text.spans:
            if span.start <= start and span.end >= end and isinstance(span.style, Style):
                style += span.style
        segments.append(Segment(plain[start:end], style))
    strip = Strip(segments)
    return strip if width is None else strip.adjust_cell_length(width)
