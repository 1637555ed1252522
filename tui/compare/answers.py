"""Images that one run gets right and another wrong. Pure but for reading them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.text import Text
from textual.strip import Strip

from core.compare import only_one_right
from core.predictions import Images, Predictions
from tui.compare.board import Board
from tui.compare.pair import pair_name
from tui.gallery import Gallery, Indices, Show, Subject
from tui.render.image import Tile, draw_grid, grid
from tui.render.palettes import Look
from tui.render.plot import message
from tui.render.safe import safe
from tui.widgets.frame import Title, head

_WIDE = 100
"""Columns of a screen that can spare some for words."""


@dataclass(frozen=True, eq=False)
class Disagreements:
    """What two runs said of the same images."""

    images: Images
    wrong: Predictions
    """Of the run that is wrong about those in `found`."""
    found: Indices
    """Numbers of the images, those that run is surest of first."""
    num_turned: int
    """Images that the other run is wrong about."""


def disagreements(board: Board) -> Disagreements | str:
    """The images of the board's subject that only the first run of the pair gets right; or why there are none."""
    one, other = board.pair
    if one.state.run is None or other.state.run is None:
        return "One of the runs has not started yet"
    if one.state.run.image_fingerprint != other.state.run.image_fingerprint:
        return f"{one.letter} and {other.letter} were validated on different images"
    gallery, second = Gallery(one.folder), Gallery(other.folder)
    images = gallery.images(one.state)
    if images is None:
        return gallery.problem
    right = gallery.predictions(one.state, images)
    if right is None:
        return f"{one.letter}: {gallery.problem}"
    wrong = second.predictions(other.state, images)
    if wrong is None:
        return f"{other.letter}: {second.problem}"
    found = _wrong_only(images, right, wrong, board.subject)
    return Disagreements(images, wrong, found, len(_wrong_only(images, wrong, right, board.subject)))


def _wrong_only(images: Images, right: Predictions, wrong: Predictions, subject: Subject) -> Indices:
    found = only_one_right(images.labels, right.predicted, wrong.predicted, wrong.confidence.astype(np.float64))
    return found[np.isin(found, subject.select(images, wrong, Show.ALL))]


def num_screenfuls(board: Board, width: int, height: int) -> int:
    """How often one can turn over."""
    found = disagreements(board)
    if isinstance(found, str) or not len(found.found):
        return 1
    rows, columns = found.images.pixels.shape[1:3]
    return -(-len(found.found) // max(grid(width, height - 1, rows, columns, len(found.found)).capacity, 1))


def draw_images(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Images that the first run gets right and the second wrong, those it is surest of first."""
    found = disagreements(board)
    if isinstance(found, str) or not len(found.found):
        why = (
            found
            if isinstance(found, str)
            else f"There are no such images. w swaps the two runs: {found.num_turned:,} the other way round"
        )
        line = head(Title("Images", legend=_legend(board, width - 16, look)), width, look)
        return [line, *message(why, width, height - 1, look)]
    total = len(found.found)
    rows, columns = found.images.pixels.shape[1:3]
    capacity = max(grid(width, height - 1, rows, columns, total).capacity, 1)
    first = min(board.scroll * capacity, max((total - 1) // capacity, 0) * capacity)
    names = board.classes
    tiles = [
        Tile(
            np.asarray(found.images.pixels[number]),
            names[int(found.images.labels[number])],
            names[int(found.wrong.predicted[number])],
            float(found.wrong.confidence[number]),
        )
        for number in found.found[first : first + capacity].tolist()
    ]
    to = "-" if look.ascii else "–"
    turned = f"{found.num_turned:,} the other way round" if width >= _WIDE else f"w: {found.num_turned:,}"
    right = Text(f"{first + 1}{to}{min(first + capacity, total)} of {total:,}, {turned}", look.style("muted"))
    legend = _legend(board, width - right.cell_len - 16, look)
    return [head(Title("Images", legend=legend, right=right), width, look), *draw_grid(tiles, width, height - 1, look)]


def _legend(board: Board, room: int, look: Look) -> Text:
    """Who is right, and which images these are."""
    title = safe(board.subject.title, 36, ascii=look.ascii)
    legend = pair_name(board, room - cell_len(title), look)
    return legend.append("   " + title, look.style("text")) if title else legend
