"""The confusion of one run minus that of another, by class or by superclass. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text
from textual.strip import Strip

from tui.compare.board import IMAGES, Board, Compared
from tui.confusion_view import between
from tui.gallery import Subject
from tui.render import numbers
from tui.render.heatmap import HeatSpec, Normalise, draw_heatmap, heat_layout, shares
from tui.render.palettes import Look
from tui.render.plot import message
from tui.render.safe import safe
from tui.widgets.frame import Title, framed


def pair_name(board: Board, room: int, look: Look) -> Text:
    """B c100-resnet26 … minus A …, each in its colour, in about `room` columns: at least the letters."""
    one, other = board.pair
    text = Text(no_wrap=True, end="")
    limit = min((room - 20) // 2, 28)

    def name(run: Compared) -> str:
        return f"{run.letter} {safe(run.name, limit, ascii=look.ascii)}" if limit >= 6 else run.letter

    text.append(name(other), look.style(other.role))
    text.append(" minus " if board.pane != IMAGES else " wrong, ", look.style("muted"))
    text.append(name(one), look.style(one.role))
    if board.pane == IMAGES:
        text.append(" right", look.style("muted"))
    return text


def confusion_spec(board: Board) -> HeatSpec:
    """The map of a comparable pair."""
    before, after = _counts(board)
    return HeatSpec(
        after,
        tuple(name for name, _ in board.groups_shown),
        board.map.normalise,
        board.map.hide_diagonal,
        board.map.clamped(len(after)).cursor,
        before,
    )


def _counts(board: Board) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    one, other = board.pair
    assert one.confusion is not None
    assert other.confusion is not None
    groups = board.groups_shown
    return between(one.confusion, groups), between(other.confusion, groups)


def draw_confusion(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """The confusion of the second run minus that of the first."""
    if board.comparable:
        return framed(message(board.comparable, width - 2, height - 2, look), Title("Confusion"), width, height, look)
    spec = confusion_spec(board)
    body = draw_heatmap(spec, width - 2, height - 2, look)
    right = _cell(spec, 14 if width >= 100 else 10, look)
    run, opened = board.pair[0].state.run, board.map.opened
    names = run.superclasses if run else []  # a log may name the classes without them
    within = safe(names[opened], 24, ascii=look.ascii) if names and opened is not None else ""
    more = [(f"   {board.map.normalise.value}", look.style("muted"))]
    more += [(f"   within {within}", look.style("done"))] if within else []
    free = width - right.cell_len - 20
    legend = pair_name(board, free - sum(cell_len(text) for text, _ in more), look)
    for text, style in reversed(more):  # whose difference it is comes first, where it lies second
        if legend.cell_len + cell_len(text) <= free:
            legend.append(text, style)
    return framed(body, Title("Confusion", legend=legend, right=right), width, height, look)


def _cell(spec: HeatSpec, most: int, look: Look) -> Text:
    assert spec.cursor is not None
    assert spec.baseline is not None
    before, after = (shares(counts, spec.normalise)[spec.cursor] for counts in (spec.baseline, spec.matrix))
    actual, predicted = (safe(spec.names[index], most, ascii=look.ascii) for index in spec.cursor)
    told = numbers.percent if spec.normalise is not Normalise.COUNT else (lambda value: f"{value:g}")
    arrow = "->" if look.ascii else "→"
    return Text(f"{actual} {arrow} {predicted}: {told(float(before))} {arrow} {told(float(after))}", look.style("now"))


def cell_at(board: Board, x: int, y: int, width: int, height: int, look: Look) -> tuple[int, int] | None:
    """The cell of the map under a mouse."""
    if board.comparable:
        return None
    return heat_layout(confusion_spec(board), width - 2, height - 2, look).cell_at(x - 1, y - 1)


def opened_cell(board: Board) -> Board:
    """A superclass on the diagonal opens into its classes, any other cell into the images behind its difference.

    Of a mistake that the second run makes more often than the first those are the images that the first gets right;
    of one that it makes less often, those that it gets right itself.
    """
    if board.comparable:
        return board
    groups = board.groups_shown
    row, column = board.map.clamped(len(groups)).cursor
    (actual, members), (predicted, others) = groups[row], groups[column]
    if row == column and len(members) > 1:
        return replace(board, map=replace(board.map, opened=row, cursor=(0, 0)))
    before, after = _counts(board)
    change = int(after[row, column] - before[row, column])
    if row == column:
        return board.images_of(Subject(members, None, actual), turned=change > 0)
    return board.images_of(Subject(members, others, f"{actual} → {predicted}"), turned=change < 0)
