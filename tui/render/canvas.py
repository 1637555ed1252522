"""A grid of characters and styles that becomes strips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.render.palettes import NO_STYLE

_SECOND_HALF = 0  # stands in the cell that a wide character covers too; dropped when a row becomes text


class Canvas:
    """`height` rows of `width` cells, all blank at first. Whatever is drawn outside is cut."""

    def __init__(self, width: int, height: int) -> None:
        self.width = max(width, 0)
        self.height = max(height, 0)
        self.codes: NDArray[np.uint32] = np.full((self.height, self.width), ord(" "), np.uint32)
        """Code points."""
        self.inks: NDArray[np.int16] = np.zeros((self.height, self.width), np.int16)
        """Numbers given out by `ink`."""
        self._styles: list[Style] = [NO_STYLE]
        self._ink_of: dict[Style, int] = {NO_STYLE: 0}

    def window(self, row: int, column: int, width: int, height: int) -> Canvas:
        """A part of this canvas to draw on with coordinates of its own."""
        part = Canvas(0, 0)
        part.width, part.height = width, height
        part.codes = self.codes[row : row + height, column : column + width]
        part.inks = self.inks[row : row + height, column : column + width]
        part._styles, part._ink_of = self._styles, self._ink_of
        return part

    def ink(self, style: Style) -> int:
        """The number that stands for a style on this canvas."""
        ink = self._ink_of.get(style)
        if ink is None:
            ink = self._ink_of[style] = len(self._styles)
            self._styles.append(style)
        return ink

    def text(self, row: int, column: int, text: str, style: Style = NO_STYLE) -> None:
        """Write safe text from a cell on; a wide character that does not fit whole becomes a space."""
        if not 0 <= row < self.height:
            return
        ink = self.ink(style)
        for character in text:
            cells = 1 if " " <= character <= "~" else get_character_cell_size(character)
            if cells == 0:
                continue  # a grid has no place for combining marks
            if column >= 0 and column + cells <= self.width:
                self.codes[row, column] = ord(character)
                self.codes[row, column + 1 : column + cells] = _SECOND_HALF
                self.inks[row, column : column + cells] = ink
            column += cells

    def repeat(self, row: int, column: int, character: str, style: Style, *, across: int = 1, down: int = 1) -> None:
        """Fill a block of cells with one narrow character; much cheaper than `text` for lines."""
        area = (slice(max(row, 0), max(row + down, 0)), slice(max(column, 0), max(column + across, 0)))
        self.codes[area] = ord(character)
        self.inks[area] = self.ink(style)

    def paint(self, mask: NDArray[np.bool_], style: Style, codes: NDArray[np.uint32] | int | None = None) -> None:
        """Give all cells of the mask a style and, if given, a character."""
        self.inks[mask] = self.ink(style)
        if codes is not None:
            self.codes[mask] = codes if isinstance(codes, int) else codes[mask]

    def underlay(self, mask: NDArray[np.bool_], style: Style) -> None:
        """Put a background under the cells of the mask and keep their characters and colours."""
        for ink in np.unique(self.inks[mask]).tolist():
            self.inks[mask & (self.inks == ink)] = self.ink(self._styles[ink] + style)

    def strips(self) -> list[Strip]:
        """One strip a row, each `width` cells long."""
        if not self.width:
            return [Strip([], 0)] * self.height
        lines: list[Strip] = []
        cuts = self.inks[:, 1:] != self.inks[:, :-1]
        styles = self._styles
        for row in range(self.height):
            text = self.codes[row].tobytes().decode("utf-32-le")
            inks = self.inks[row]
            ends = np.flatnonzero(cuts[row]) + 1
            segments: list[Segment] = []
            start = 0
            for end in (*ends.tolist(), self.width):
                segments.append(Segment(text[start:end].replace("\0", ""), styles[inks[start]]))
                start = end
            lines.append(Strip(segments, self.width))
        return lines
