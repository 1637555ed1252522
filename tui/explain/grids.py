"""Grids of numbers as boxes, with a window that stands out by heavy lines, and several of them side by side."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from tui.explain.windows import Floats, Region
from tui.render.palettes import NO_STYLE, Look
from tui.render.ramps import Ramp
from tui.render.safe import to_ascii

_GAP = 3
"""Columns between two pictures."""
_DECIMALS = 4
_MAX_LEVEL = 0.75
"""Of a ramp: beyond it cells glare, and the orange ones come near the frame's yellow."""
_LIGHT, _HEAVY = 1, 2

Arms = tuple[int, int, int, int]
"""Weights of a line's arms up, down, left, right; 0 where there is none."""


def _box_characters() -> Iterator[tuple[Arms, str]]:
    """Unicode has a character for every choice of light and heavy arms, and names it by them."""
    directions = {"UP": (0,), "DOWN": (1,), "LEFT": (2,), "RIGHT": (3,), "VERTICAL": (0, 1), "HORIZONTAL": (2, 3)}
    for character in map(chr, range(0x2500, 0x2580)):
        name = unicodedata.name(character)
        if re.search("DASH|DOUBLE|SINGLE|ARC|DIAGONAL", name):
            continue
        arms, weight = [0, 0, 0, 0], 0
        for part in name.split(" AND "):  # "LEFT HEAVY AND RIGHT VERTICAL LIGHT"; "LIGHT DOWN AND RIGHT" says it once
            words = part.split()
            weight = _HEAVY if "HEAVY" in words else _LIGHT if "LIGHT" in words else weight
            for arm in (arm for word in words for arm in directions.get(word, ())):
                arms[arm] = weight
        up, down, left, right = arms
        yield (up, down, left, right), character


_BOX = dict(_box_characters())


@dataclass(frozen=True)
class Picture:
    """A title and the lines below it, all of one width."""

    title: str
    lines: tuple[Text, ...]

    @property
    def width(self) -> int:
        """Terminal cells."""
        return max(len(self.title), self.lines[0].cell_len)


def number_text(value: float) -> str:
    """As short as it goes: 2, 1.5, 0.3333."""
    text = f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def cell_texts(values: Floats) -> list[list[str]]:
    """The numbers of a grid, all with the decimals that one of them needs and right-aligned to one width."""
    decimals = max(len(number_text(value).partition(".")[2]) for value in values.flat)
    # A small negative number is rounded to -0, and -0 + 0 is 0.
    texts = [[f"{round(value, decimals) + 0.0:.{decimals}f}" for value in row] for row in values.tolist()]
    width = max(len(text) for row in texts for text in row)
    return [[text.rjust(width) for text in row] for row in texts]


def draw_grid(
    title: str, values: Floats, look: Look, ramp: Ramp, *, marked: Region | None = None, padding: int = 0
) -> Picture:
    """A grid as a picture.

    Args:
        title: above it.
        values: rows × columns.
        look: how it may look.
        ramp: backgrounds by value, where the terminal has the colours for them.
        marked: cells in a heavy frame.
        padding: so many outer rows and columns are zeros that were put around, and drawn as dots.
    """
    drawing = _Drawing(values, look, ramp, marked, padding)
    rows = range(len(values))
    lines = [drawing.border(0)]
    for row in rows:
        lines += [drawing.cells(row), drawing.border(row + 1)]
    return Picture(title, tuple(lines))


class _Drawing:
    """What all lines of a grid share."""

    def __init__(self, values: Floats, look: Look, ramp: Ramp, marked: Region | None, padding: int) -> None:
        self._look, self._ramp = look, ramp
        self._texts = cell_texts(values)
        self._size = len(self._texts[0][0]) + 2
        low, high = min(0.0, float(values.min())), float(values.max())
        self._levels = _MAX_LEVEL * (values - low) / ((high - low) or 1.0)
        rows, columns = values.shape
        self._is_marked = np.zeros(values.shape, bool)
        self._is_padding = np.ones(values.shape, bool)
        self._is_padding[padding : rows - padding, padding : columns - padding] = False
        # Weights of the lines above (and below) and left (and right) of the cells; none stick out of the grid.
        self._across = np.full((rows + 1, columns), _LIGHT)
        self._down = np.full((rows, columns + 1), _LIGHT)
        if marked:
            top, left, bottom, right = marked.top, marked.left, marked.bottom, marked.right
            self._is_marked[top:bottom, left:right] = True
            self._across[[top, bottom], left:right] = _HEAVY
            self._down[top:bottom, [left, right]] = _HEAVY
        self._arms = _arms(self._across, self._down)

    def border(self, row: int) -> Text:
        """The line above a row, or below the last one."""
        line = Text(no_wrap=True, end="")
        for column, arms in enumerate(self._arms[row]):
            if column:
                weight = int(self._across[row, column - 1])
                self._stroke(line, (0, 0, weight, weight), self._size)
            self._stroke(line, (arms[0], arms[1], arms[2], arms[3]))
        return line

    def cells(self, row: int) -> Text:
        """The numbers of a row, and the lines between them."""
        line = Text(no_wrap=True, end="")
        for column, weight in enumerate(self._down[row].tolist()):
            if column:
                text, style = self._cell(row, column - 1)
                line.append(f" {text} ", style)
            self._stroke(line, (weight, weight, 0, 0))
        return line

    def _stroke(self, line: Text, arms: Arms, times: int = 1) -> None:
        character = _ascii_line(arms) if self._look.ascii else _BOX[arms]
        line.append(character * times, self._look.style("now" if _HEAVY in arms else "axis"))

    def _cell(self, row: int, column: int) -> tuple[str, Style]:
        text, is_marked = self._texts[row][column], bool(self._is_marked[row, column])
        if self._is_padding[row, column]:
            return ("." if self._look.ascii else "·").rjust(len(text)), self._look.style("muted")
        if self._look.shaded:
            return text, self._look.shade(self._ramp, float(self._levels[row, column]), bold=is_marked)
        return text, Style(bold=True) if is_marked else NO_STYLE


def _arms(across: NDArray[np.int_], down: NDArray[np.int_]) -> list[list[list[int]]]:
    """For each corner of the cells the weights of the lines that meet there."""
    up_and_down, left_and_right = np.pad(down, ((1, 1), (0, 0))), np.pad(across, ((0, 0), (1, 1)))
    arms = [up_and_down[:-1], up_and_down[1:], left_and_right[:, :-1], left_and_right[:, 1:]]
    corners: list[list[list[int]]] = np.stack(arms, axis=-1).tolist()
    return corners


def _ascii_line(arms: Arms) -> str:
    is_heavy, is_upright, is_level = _HEAVY in arms, any(arms[:2]), any(arms[2:])
    if is_upright and is_level:
        return "#" if is_heavy else "+"
    if is_upright:
        return "#" if is_heavy else "|"
    return "=" if is_heavy else "-"


def side_by_side(pictures: Iterable[Picture], width: int, look: Look) -> list[Text]:
    """As many pictures in a row as fit `width`, the others below; a wider one has a row of its own."""
    rows: list[list[Picture]] = []
    room = 0
    for picture in pictures:
        room -= _GAP + picture.width
        if room < 0:
            rows.append([])
            room = width - picture.width
        rows[-1].append(picture)
    lines: list[Text] = []
    for row in rows:
        lines += [Text()] if lines else []
        lines += _beside(row, look)
    return lines


def _beside(pictures: list[Picture], look: Look) -> list[Text]:
    lines = []
    for number in range(-1, max(len(picture.lines) for picture in pictures)):
        line = Text(no_wrap=True, end="")
        start = 0
        for picture in pictures:
            line.append(" " * (start - line.cell_len))
            if number < 0:
                line.append(to_ascii(picture.title) if look.ascii else picture.title, look.style("muted"))
            elif number < len(picture.lines):
                line.append_text(picture.lines[number])
            start += picture.width + _GAP
        lines.append(line)
    return lines
