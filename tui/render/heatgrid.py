"""What a heatmap shows, and which of its cells lie where."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from rich.cells import cell_len

from tui.render.confusion import Normalise
from tui.render.palettes import Look
from tui.render.safe import safe

Cell = tuple[int, int]
"""Actual and predicted class."""

MAX_LABEL = 14
"""Cells of a class name beside its row; most of CIFAR-100's have fewer."""


@dataclass(frozen=True, eq=False)
class HeatSpec:
    """What a heatmap shows."""

    matrix: ArrayLike
    """Counts, K x K."""
    names: tuple[str, ...]
    normalise: Normalise = Normalise.ROW
    hide_diagonal: bool = False
    cursor: Cell | None = None
    baseline: ArrayLike | None = None
    """Counts to compare with, K x K: the map then shows the differences of the normalised values."""
    empty: str = "The first evaluation fills this map"


@dataclass(frozen=True)
class HeatLayout:
    """Which classes are in view, and where."""

    label: int
    """Columns before the cells."""
    cell: int
    """Columns of a cell."""
    lines: int
    """Lines of a row of cells; 0 where two rows share a line."""
    first: Cell
    """Class of the uppermost row and of the leftmost column."""
    rows: int
    columns: int
    header: int
    footer: int

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell under a mouse at column x, line y; the upper one of two on a line."""
        row = (y - self.header) * 2 if self.lines == 0 else (y - self.header) // self.lines
        column = (x - self.label) // self.cell
        if 0 <= row < self.rows and 0 <= column < self.columns:
            return self.first[0] + row, self.first[1] + column
        return None


def heat_layout(spec: HeatSpec, width: int, height: int, look: Look) -> HeatLayout:
    """Choose the size of the cells for width x height."""
    k = max(len(spec.names), 1)
    header = int(height >= 4)
    room = height - header
    longest = min(max((cell_len(safe(name)) for name in spec.names), default=0), MAX_LABEL) + 1
    label = next((w for w in (longest, 5, 4) if w <= longest and width - w >= 4 * k), min(4, longest))
    cell = min(7, (width - label) // k)
    if cell >= 3 and room >= k:
        lines = min(3, room // k, max(1, cell // 2))
    else:
        lines = 0 if look.shaded and not look.ascii else 1
        widest = 6 if lines == 0 else 4
        # Three columns a cell give room for a name above it; the classes' own names come after that.
        cell = min(widest, (width - label) // k) if width - label >= 3 * k else max(1, min(2, (width - longest) // k))
        spare = width - cell * k
        label = max(label, min(longest, width // 3, spare if spare >= label else width // 4))
    per_line = 2 if lines == 0 else 1
    footer = int((height >= 8 and room > -(-k * max(lines, 1) // per_line)) or (height >= 12 and lines == 0))
    visible_rows = (room - footer) * 2 if lines == 0 else (room - footer) // lines
    rows, columns = min(k, visible_rows), min(k, (width - label) // cell)
    at = spec.cursor or (0, 0)
    first = (_scroll(at[0], rows, k, per_line), _scroll(at[1], columns, k, 1))
    return HeatLayout(label, cell, lines, first, rows, columns, header, footer)


def _scroll(at: int, shown: int, k: int, step: int) -> int:
    """The first of `shown` classes such that `at` is in the middle where possible; a multiple of `step`."""
    first = min(max(at - shown // 2, 0), max(k - shown, 0))
    return first + first % step if first + shown < k else first
