"""The arithmetic of convolution and pooling on small grids, every step of which can be looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.errors import UsageError

Floats = NDArray[np.float64]

PUBLISHED_INPUT = "1 2 1 0 1/3 1 2 5 0/2 0 1 2 1/4 5 1 3 0/0 1 3 3 0"
PUBLISHED_KERNEL = "1 0 1/1 1 1/1 0 1"
MAX_SIDE = 32
"""Rows and columns, padding included: more are no picture."""
_LIMIT = 1e6
"""Numbers beyond it would make cells too wide to compare."""


class Region(NamedTuple):
    """Some of a grid's cells: a window, or a single one."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The first column right of it."""
        return self.left + self.width


def parse_grid(text: str, option: str) -> Floats:
    """Rows apart by `/`, numbers apart by blanks: "1 0/0 1".

    Raises:
        UsageError: a row is empty or of another length, or something in it cannot be drawn; the message names `option`.
    """
    rows = [row.split() for row in text.split("/")]
    lengths = {len(row) for row in rows}
    if 0 in lengths:
        raise UsageError(f'{option} has a row without numbers: write rows apart by "/", as in "1 0/0 1"')
    if len(lengths) > 1:
        listed = ", ".join(str(len(row)) for row in rows)
        raise UsageError(f"{option} needs rows of the same length; these have {listed} numbers")
    return np.array([[_parse_number(word, option) for word in row] for row in rows])


def _parse_number(word: str, option: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise UsageError(f'{option}: "{word}" is not a number') from None
    if not abs(value) < _LIMIT:  # also not for NaN
        raise UsageError(f"{option}: {word} cannot be drawn; use numbers between -{_LIMIT:,.0f} and {_LIMIT:,.0f}")
    return value


def parse_place(text: str) -> tuple[int, int]:
    """A cell of the output, as ROW,COL from 0.

    Raises:
        UsageError: it is anything else.
    """
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*", text)
    if not found:
        raise UsageError(f'--at takes ROW,COL counted from 0, as in --at 1,2, but got "{text}"')
    return int(found[1]), int(found[2])


@dataclass(frozen=True, eq=False)
class Convolution:
    """One channel to one channel, without a bias.

    As in every deep learning library the kernel is not turned over: it is what mathematicians call cross-correlation.

    Raises:
        UsageError: nothing can be computed, or it is too large to be drawn.
    """

    image: Floats
    """Height × width."""
    kernel: Floats
    """Height × width."""
    stride: int = 1
    """Cells from a window to the next one."""
    padding: int = 0
    """Rows and columns of zeros on each side."""

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise UsageError(f"--stride must be 1 or more, not {self.stride}")
        if self.padding < 0:
            raise UsageError(f"--padding must be 0 or more, not {self.padding}")
        height, width = (side + 2 * self.padding for side in self.image.shape)
        if max(height, width) > MAX_SIDE:
            raise UsageError(f"the padded input is {height}×{width}; at most {MAX_SIDE}×{MAX_SIDE} can be drawn")
        rows, columns = self.kernel.shape
        if rows > height or columns > width:
            raise UsageError(
                f"the {rows}×{columns} kernel is larger than the padded input of {height}×{width}: "
                "use a smaller --kernel or more --padding"
            )

    @property
    def padded(self) -> Floats:
        """The input with its zeros around it."""
        return np.pad(self.image, self.padding)

    @property
    def output(self) -> Floats:
        """The sum of products of the kernel with each window: ⌊(side + 2·padding − kernel) / stride⌋ + 1 a side."""
        sums: Floats = np.einsum("ijkl,kl->ij", _windows(self.padded, self.kernel.shape, self.stride), self.kernel)
        return sums

    def window(self, at: tuple[int, int]) -> Region:
        """The cells of the padded input that make the output's cell `at`.

        Raises:
            UsageError: the output has no such cell.
        """
        (row, column), (rows, columns) = at, self.output.shape
        if row >= rows or column >= columns:
            raise UsageError(
                f"--at {row},{column} is outside the {rows}×{columns} output: "
                f"rows are 0 to {rows - 1}, columns 0 to {columns - 1}"
            )
        return Region(row * self.stride, column * self.stride, *self.kernel.shape)

    def cell_of(self, window: Region) -> Region | None:
        """The output's cell that a window makes; None where the stride skips that window."""
        if window.top % self.stride or window.left % self.stride:
            return None
        return Region(window.top // self.stride, window.left // self.stride, 1, 1)


def max_pool(image: Floats, side: int, stride: int) -> Floats:
    """The largest value of each window of side × side; the last rows and columns that fill no window are left out."""
    largest: Floats = _windows(image, (side, side), stride).max(axis=(2, 3))
    return largest


def average_pool(image: Floats, side: int, stride: int) -> Floats:
    """The mean of each window of side × side; the last rows and columns that fill no window are left out."""
    mean: Floats = _windows(image, (side, side), stride).mean(axis=(2, 3))
    return mean


def _windows(grid: Floats, shape: tuple[int, ...], stride: int) -> Floats:
    return sliding_window_view(grid, shape)[::stride, ::stride]
