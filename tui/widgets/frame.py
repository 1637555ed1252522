"""The frame around a pane, with its title, what its lines mean, and a figure on the right.

Drawn and not styled, so that it is part of what a drawing function gives and fits the terminal at hand (ASCII has no
round corners)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.render.canvas import Canvas
from tui.render.palettes import NO_STYLE, Look

_BOLD = Style(bold=True)


@dataclass(frozen=True)
class Title:
    """What stands in the upper edge of a frame. What has no room is left out: first the legend, then the right."""

    name: str
    legend: Text | None = None
    shorter: tuple[Text, ...] = ()
    """Legends for where there is no room for that one, the next best first."""
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
    legends = tuple(tuple(text_strip(legend)) for legend in (title.legend, *title.shorter) if legend)
    right = tuple(text_strip(title.right)) if title.right else ()
    styles = (line, look.style("text") + _BOLD, look.style("muted"))
    return _edge(title.name, legends, right, title.heads, width, corners + across, styles)


@lru_cache(maxsize=256)  # 0.3 ms, for what is the same in nearly every frame
def _edge(
    name: str,
    legends: tuple[tuple[Segment, ...], ...],
    right: tuple[Segment, ...],
    heads: tuple[tuple[int, str], ...],
    width: int,
    glyphs: str,
    styles: tuple[Style, Style, Style],
) -> Strip:
    line, name_style, head_style = styles
    canvas = Canvas(width, 1)
    canvas.repeat(0, 0, glyphs[2], line, across=width)
    canvas.text(0, 0, glyphs[0], line)
    canvas.text(0, width - 1, glyphs[1], line)
    free, end = 2, width - 2
    if free + cell_len(name) + 2 > end:
        return canvas.strips()[0]
    canvas.text(0, free, f" {name} ", name_style)
    free += cell_len(name) + 2
    length = sum(segment.cell_length for segment in right)
    if length and free + length + 3 <= end:
        end -= length + 2
        _write(canvas, end, right)
    for legend in legends:
        if free + sum(segment.cell_length for segment in legend) + 4 <= end:
            canvas.text(0, free, " ")
            _write(canvas, free + 1, legend)
            break
    for column, text in heads:
        if free <= column - 1 and column + cell_len(text) + 1 <= end:
            canvas.text(0, column - 1, f" {text} ", head_style)
    return canvas.strips()[0]


def _write(canvas: Canvas, column: int, segments: tuple[Segment, ...]) -> None:
    """The segments with a space on either side."""
    canvas.text(0, column, " ")
    column += 1
    for segment in segments:
        canvas.text(0, column, segment.text, segment.style or NO_STYLE)
        column += segment.cell_length
    canvas.text(0, column, " ")


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
