"""What `cifar-tui explain` prints: pictures and tables for a width. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.align import AlignMethod
from rich.text import Text

from core.data.catalog import DATASETS
from core.events import Layer
from core.recipes import Recipe
from tui.explain.grids import draw_grid, number_text, side_by_side
from tui.explain.networks import PUBLISHED, stack, trace
from tui.explain.windows import Convolution, Floats, Region, average_pool, max_pool
from tui.render import numbers
from tui.render.layers import HEADS, layer_cells, shape_text
from tui.render.palettes import NO_STYLE, Look, Role
from tui.render.safe import to_ascii

_POOL = 2
_STRIDES = (1, 2)
_SENTENCE_WIDTH = 100
"""Longer lines are hard to read."""
_MIN_NAME = 6
_BETWEEN = "  "


def convolution_lines(
    convolution: Convolution, at: tuple[int, int], width: int, look: Look, *, other_strides: Sequence[int] = ()
) -> list[Text]:
    """Input, kernel and output, and how one cell of the output comes about.

    Args:
        convolution: what is computed.
        at: row and column of the output's cell.
        width: columns of the terminal.
        look: how it may look.
        other_strides: the outputs with these strides are drawn too.

    Raises:
        UsageError: the output has no such cell.
    """
    window, palette = convolution.window(at), look.palette
    image, kernel, padding = convolution.image, convolution.kernel, convolution.padding
    text = (
        "The kernel slides over the input. Each cell of the output is the sum of the products of the kernel with the "
        "window below it; the heavy frames are one window and the cell that it makes."
    )
    title = f"input {shape_text(image.shape)}"
    if padding:
        text += " The dots are the zeros of the padding."
        title += f", padding {padding}"
    pictures = [
        draw_grid(title, convolution.padded, look, palette.diagonal, marked=window, padding=padding),
        draw_grid(f"kernel {shape_text(kernel.shape)}", kernel, look, palette.heat),
    ]
    for each in (convolution, *(replace(convolution, stride=stride) for stride in other_strides)):
        title = f"output, stride {each.stride}"
        pictures.append(draw_grid(title, each.output, look, palette.diagonal, marked=each.cell_of(window)))
    return [
        *_section("Convolution", text, width, look),
        *side_by_side(pictures, width, look),
        Text(),
        *_sum_lines(convolution, at, window, look),
    ]


def _sum_lines(convolution: Convolution, at: tuple[int, int], window: Region, look: Look) -> list[Text]:
    """The products, a line for each row of the window, and their sum."""
    sign = "*" if look.ascii else "·"
    seen = convolution.padded[window.top : window.bottom, window.left : window.right]
    rows = [
        " + ".join(f"{_factor(value)}{sign}{_factor(weight)}" for value, weight in zip(*pair, strict=True))
        for pair in zip(seen.tolist(), convolution.kernel.tolist(), strict=True)
    ]
    head = f"output[{at[0]},{at[1]}] "
    lines = []
    for number, row in enumerate(rows):
        line = Text(no_wrap=True, end="").append(" " * len(head) if number else head, look.style("muted"))
        lines.append(line.append("+ " if number else "= ", look.style("muted")).append(row))
    return [*lines[:-1], lines[-1].append(f" = {number_text(float(convolution.output[at]))}", look.style("now"))]


def _factor(value: float) -> str:
    return f"({number_text(value)})" if value < 0 else number_text(value)


def pooling_lines(image: Floats, width: int, look: Look) -> list[Text]:
    """Max and average pooling in 2×2 windows; nothing for an image that is smaller."""
    if min(image.shape) < _POOL:
        return []
    palette, first = look.palette, Region(0, 0, 1, 1)
    window = Region(0, 0, _POOL, _POOL)
    pictures = [draw_grid(f"input {shape_text(image.shape)}", image, look, palette.diagonal, marked=window)]
    for name, pool in (("max", max_pool), ("average", average_pool)):
        for stride in _STRIDES:
            pooled = pool(image, _POOL, stride)
            pictures.append(draw_grid(f"{name}, stride {stride}", pooled, look, palette.diagonal, marked=first))
    text = f"A window of {_POOL}×{_POOL} slides over the input and keeps its largest value, or its mean."
    return [*_section("Pooling", text, width, look), *side_by_side(pictures, width, look)]


def networks_lines(width: int, look: Look) -> list[Text]:
    """The two published networks layer by layer, and what stacked kernels see."""
    text = (
        "A convolution or pooling makes (side + 2 × padding − kernel) / stride + 1 of each side, rounded down. A fully "
        "connected layer takes the map as one row of numbers. Each value sees its receptive field: the pixels of the "
        "image that it depends on."
    )
    lines = _section("The size of the data", text, width, look)
    for image_shape, steps in PUBLISHED:
        lines += [*layer_lines(f"images of {shape_text(image_shape)}", trace(image_shape, steps), width, look), Text()]
    side, weights = stack(3, 2)
    single, small = stack(side, 1)[1], stack(3, 1)[1]
    text = (
        f"A 3×3 kernel covers {small} pixels, a {side}×{side} kernel {single}. Two stacked 3×3 convolutions see "
        f"{side}×{side} pixels too, with {weights} weights from channel to channel in place of {single}."
    )
    return [*lines, *_section("The receptive field", text, width, look)[:-1]]


def recipe_lines(recipe: Recipe, layers: list[Layer], width: int, look: Look) -> list[Text]:
    """A recipe's network layer by layer."""
    model, dataset = recipe.config.model.name, DATASETS[recipe.config.data.dataset]
    title = f"{recipe.name}: {model} on images of {shape_text(dataset.image_shape)} ({dataset.name})"
    return layer_lines(title, layers, width, look)


def layer_lines(title: str, layers: list[Layer], width: int, look: Look) -> list[Text]:
    """A row a layer, below a title and above the sums.

    A narrow terminal lacks the bars of the parameters, then the FLOPs, then the beginnings of the names.
    """
    total = sum(layer.num_parameters for layer in layers)
    # Plain text has the terminal's own colour: its background is not ours.
    table = [layer_cells(layer, total, look, NO_STYLE) for layer in layers]
    if look.ascii:
        for cell in (cell for row in table for cell in row):
            cell.plain = to_ascii(cell.plain)
    columns = [_Column(head, list(cells)) for head, cells in zip(HEADS, zip(*table, strict=True), strict=True)]
    for unneeded in ("", "FLOPs"):
        if _width(columns) > width:
            columns = [column for column in columns if column.head != unneeded]
    names = columns[0]
    names.width = max(names.width - max(_width(columns) - width, 0), _MIN_NAME)
    rows = [[_text(column.head, look, "muted") for column in columns]]
    rows += [[column.cells[number] for column in columns] for number in range(len(layers))]
    sums = f"{total:,} parameters, {numbers.compact(sum(layer.flops for layer in layers))} FLOPs an image"
    return [
        _text(title, look),
        *(_row(row, columns, look) for row in rows),
        _text(sums, look, "muted"),
    ]


@dataclass
class _Column:
    head: str
    cells: list[Text]

    def __post_init__(self) -> None:
        self.width = max(len(self.head), *(cell.cell_len for cell in self.cells))
        self.align: AlignMethod = "right" if any(cell.justify == "right" for cell in self.cells) else "left"


def _width(columns: list[_Column]) -> int:
    return sum(column.width for column in columns) + len(_BETWEEN) * (len(columns) - 1)


def _row(cells: list[Text], columns: list[_Column], look: Look) -> Text:
    line = Text(no_wrap=True, end="")
    for cell, column in zip(cells, columns, strict=True):
        cell = cell.copy()
        if cell.cell_len > column.width:  # stage2.0.conv1 and stage2.0.conv2 differ at their end
            dots = ".." if look.ascii else "…"
            cell.plain = dots + cell.plain[len(dots) - column.width :]
        cell.align(column.align, column.width)
        line.append(_BETWEEN if line else "").append_text(cell)
    return line


def _section(title: str, text: str, width: int, look: Look) -> list[Text]:
    """A heading, a paragraph and an empty line."""
    paragraph = textwrap.wrap(text, min(width, _SENTENCE_WIDTH))
    return [_text(title, look, "best"), *(_text(line, look) for line in paragraph), Text()]


def _text(text: str, look: Look, role: Role | None = None) -> Text:
    """In the terminal's own colour where no role is given: its background is not ours."""
    style = look.style(role) if role else NO_STYLE
    return Text(to_ascii(text) if look.ascii else text, style, no_wrap=True, end="")
