"""One run set against another: confusion, classes, images. Pure but for reading the images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core.compare import ClassChange, class_changes, only_one_right
from tui.compare.board import Board, Compared
from tui.gallery import Gallery
from tui.render import numbers
from tui.render.heatmap import HeatSpec, Normalise, draw_heatmap, shares
from tui.render.image import Tile, draw_grid, grid
from tui.render.palettes import Look
from tui.render.plot import message
from tui.render.safe import pad, safe
from tui.widgets.frame import Title, framed, head, text_strip

_BOLD = Style(bold=True)
_NORMALISED = {Normalise.ROW: "% of actual", Normalise.COLUMN: "% of predicted", Normalise.COUNT: "counts"}


def pair_name(board: Board, room: int, look: Look) -> Text:
    """B c100-resnet26 … minus A …, each in its colour, in about `room` columns: at least the letters."""
    one, other = board.pair
    text = Text(no_wrap=True, end="")
    limit = min((room - 20) // 2, 28)

    def name(run: Compared) -> str:
        return f"{run.letter} {safe(run.name, limit, ascii=look.ascii)}" if limit >= 6 else run.letter

    text.append(name(other), look.style(other.role))
    text.append(" minus " if board.pane != 4 else " wrong, ", look.style("muted"))
    text.append(name(one), look.style(one.role))
    if board.pane == 4:
        text.append(" right", look.style("muted"))
    return text


def draw_confusion(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """The confusion of the second run minus that of the first."""
    if board.comparable:
        return framed(message(board.comparable, width - 2, height - 2, look), Title("Confusion"), width, height, look)
    one, other = board.pair
    k = len(board.classes)
    cursor = (min(board.cursor[0], k - 1), min(board.cursor[1], k - 1))
    spec = HeatSpec(
        other.confusion if other.confusion is not None else np.zeros((k, k)),
        tuple(board.classes),
        board.normalise,
        cursor=cursor,
        baseline=one.confusion,
    )
    body = draw_heatmap(spec, width - 2, height - 2, look)
    right = _cell(board, cursor, look)
    legend = pair_name(board, width - right.cell_len - 40, look)
    legend.append(f"   {_NORMALISED[board.normalise]}", look.style("muted"))
    return framed(body, Title("Confusion", legend=legend, right=right), width, height, look)


def _cell(board: Board, cursor: tuple[int, int], look: Look) -> Text:
    one, other = board.pair
    assert one.confusion is not None
    assert other.confusion is not None
    before, after = (shares(counts, board.normalise)[cursor] for counts in (one.confusion, other.confusion))
    actual, predicted = (safe(board.classes[index], 14, ascii=look.ascii) for index in cursor)
    told = numbers.percent if board.normalise is not Normalise.COUNT else (lambda value: f"{value:g}")
    arrow = "->" if look.ascii else "→"
    return Text(f"{actual} {arrow} {predicted}: {told(float(before))} {arrow} {told(float(after))}", look.style("now"))


def draw_classes(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Gains and losses of the classes, as bars to the right and to the left."""
    if board.comparable:
        return framed(message(board.comparable, width - 2, height - 2, look), Title("Classes"), width, height, look)
    one, other = board.pair
    assert one.confusion is not None
    assert other.confusion is not None
    changes = class_changes(one.confusion, other.confusion)
    room = max(height - 2, 0)
    first = min(board.scroll, max(len(changes) - room, 0))
    largest = max((abs(change.gain) for change in changes if not np.isnan(change.gain)), default=0.0) or 1.0
    body = [_change_line(change, board, largest, width - 2, look) for change in changes[first : first + room]]
    gained = sum(change.gain > 0 for change in changes)
    lost = sum(change.gain < 0 for change in changes)
    right = Text(f"{gained} gain, {lost} lose", look.style("muted"))
    title = Title("Classes", legend=pair_name(board, width - 34, look), right=right)
    return framed(body, title, width, height, look)


def _change_line(change: ClassChange, board: Board, largest: float, width: int, look: Look) -> Strip:
    one, other = board.pair
    text = Text(" ", no_wrap=True, end="")
    text.append(pad(safe(board.classes[change.index], 20, ascii=look.ascii), 20), look.style("text"))
    text.append(f" {numbers.percent(change.before):>6}", look.style(one.role))
    text.append(f" {numbers.percent(change.after):>6}", look.style(other.role))
    role = "good" if change.gain > 0 else "bad" if change.gain < 0 else "muted"
    text.append(f" {numbers.points(change.gain):>6} ", look.style(role) + _BOLD)  # type: ignore[arg-type]
    half = max((width - text.cell_len - 3) // 2, 0)
    size = 0 if np.isnan(change.gain) else round(abs(change.gain) / largest * half)
    block, middle = ("#", "|") if look.ascii else ("━", "│")
    losses = (block * size if change.gain < 0 else "").rjust(half)
    gains = (block * size if change.gain > 0 else "").ljust(half)
    text.append(losses, look.style("bad")).append(middle, look.style("axis")).append(gains, look.style("good"))
    return text_strip(text, width)


def draw_images(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Images that the first run gets right and the second wrong, those it is surest of first."""
    found = disagreements(board)
    title = Title("Images", legend=pair_name(board, width - 30, look))
    if isinstance(found, str):
        return [head(title, width, look), *message(found, width, height - 1, look)]
    tiles, total, (rows, columns) = found
    plan = grid(width, height - 1, rows, columns, max(total, 1))
    if not total:
        text = "There are no such images: x swaps the two runs"
        return [head(title, width, look), *message(text, width, height - 1, look)]
    capacity = max(plan.capacity, 1)
    first = min(board.scroll * capacity, max((total - 1) // capacity, 0) * capacity)
    shown = tiles(first, first + capacity)
    body = draw_grid(shown, width, height - 1, look)
    to = "-" if look.ascii else "–"
    right = Text(f"{first + 1}{to}{min(first + capacity, total)} of {total:,}", look.style("muted"))
    return [head(Title("Images", legend=title.legend, right=right), width, look), *body]


def disagreements(board: Board) -> str | tuple[Callable[[int, int], list[Tile]], int, tuple[int, int]]:
    """A function from a range to tiles, their number, and the size of an image; or why there are none."""
    one, other = board.pair
    if one.state.run is None or other.state.run is None:
        return "One of the runs has not started yet"
    if one.state.run.image_fingerprint != other.state.run.image_fingerprint:
        return f"{one.letter} and {other.letter} were validated on different images"
    gallery, second = Gallery(one.folder), Gallery(other.folder)
    images = gallery.images(one.state)
    if images is None:
        return gallery.problem
    right = gallery.predictions(one.state)
    if right is None:
        return f"{one.letter}: {gallery.problem}"
    wrong = second.predictions(other.state)
    if wrong is None:
        return f"{other.letter}: {second.problem}"
    if not len(images.labels) == len(right.predicted) == len(wrong.predicted):
        return "The predictions do not belong to these images"
    numbers_of = only_one_right(images.labels, right.predicted, wrong.predicted, wrong.confidence.astype(np.float64))
    names = board.classes

    def tiles(start: int, end: int) -> list[Tile]:
        return [
            Tile(
                np.asarray(images.pixels[number]),
                names[int(images.labels[number])],
                names[int(wrong.predicted[number])],
                float(wrong.confidence[number]),
            )
            for number in numbers_of[start:end].tolist()
        ]

    return tiles, len(numbers_of), (images.pixels.shape[1], images.pixels.shape[2])
