"""The pictures and tables of `cifar-tui explain`."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from core.events import Layer
from core.recipes import RECIPES
from tui.explain.grids import cell_texts, draw_grid, number_text, side_by_side
from tui.explain.page import convolution_lines, layer_lines, networks_lines, pooling_lines, recipe_lines
from tui.explain.windows import PUBLISHED_INPUT, PUBLISHED_KERNEL, Convolution, Region, parse_grid
from tui.render.palettes import Depth, Look, palette

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO)
ASCII = Look(palette("mono"), Depth.MONO, ascii=True)
LOOKS = [LOOK, Look(palette(dark=False), Depth.EIGHT_BIT), Look(palette("classic"), Depth.STANDARD), PLAIN, ASCII]
PUBLISHED = Convolution(parse_grid(PUBLISHED_INPUT, "--input"), parse_grid(PUBLISHED_KERNEL, "--kernel"))


def plain(lines: list[Text]) -> str:
    return "\n".join(line.plain.rstrip() for line in lines)


def grid(text: str, look: Look, marked: Region | None = None, padding: int = 0) -> str:
    picture = draw_grid("", parse_grid(text, "--input"), look, look.palette.diagonal, marked=marked, padding=padding)
    return plain(list(picture.lines))


def test_a_window_has_a_heavy_frame() -> None:
    assert grid("1 2 3/4 5 6/7 8 9", PLAIN, Region(0, 1, 2, 2)) == (
        "┌───┲━━━┯━━━┓\n│ 1 ┃ 2 │ 3 ┃\n├───╂───┼───┨\n│ 4 ┃ 5 │ 6 ┃\n├───╄━━━┿━━━┩\n│ 7 │ 8 │ 9 │\n└───┴───┴───┘"
    )


def test_a_window_has_a_heavy_frame_in_ascii_and_padding_is_dots() -> None:
    assert grid("0 0 0 0/0 -1 12 0/0 0 0 0", ASCII, Region(1, 2, 1, 1), padding=1) == (
        "+----+----+----+----+\n"
        "|  . |  . |  . |  . |\n"
        "+----+----#====#----+\n"
        "|  . | -1 # 12 #  . |\n"
        "+----+----#====#----+\n"
        "|  . |  . |  . |  . |\n"
        "+----+----+----+----+"
    )


def test_a_window_is_seen_without_colours_wherever_it_lies() -> None:
    places = {grid("1 1 1/1 1 1/1 1 1", look, window) for look in (PLAIN, ASCII) for window in windows(3)}
    assert len(places) == 2 * len(windows(3))


def windows(side: int) -> list[Region]:
    sides = range(1, side + 1)
    regions = (Region(*each) for each in itertools.product(range(side), range(side), sides, sides))
    return [region for region in regions if region.bottom <= side and region.right <= side]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1, 2.5]], [["1.0", "2.5"]]),
        ([[-3, 12]], [["-3", "12"]]),
        ([[1 / 3, -0.0]], [["0.3333", "0.0000"]]),
        ([[-1e-9, 1]], [["0", "1"]]),
    ],
)
def test_numbers_stand_below_each_other(values: list[list[float]], expected: list[list[str]]) -> None:
    assert cell_texts(np.array(values)) == expected


@pytest.mark.parametrize(("value", "text"), [(2, "2"), (100, "100"), (-0.5, "-0.5"), (1 / 3, "0.3333"), (-1e-9, "0")])
def test_a_number_is_as_short_as_it_goes(value: float, text: str) -> None:
    assert number_text(value) == text


def test_pictures_go_below_each_other_where_they_do_not_fit() -> None:
    pictures = [
        draw_grid(name, np.ones((rows, 1)), PLAIN, PLAIN.palette.heat) for name, rows in (("a", 2), ("bcdefg", 1))
    ]
    beside = "a       bcdefg\n┌───┐   ┌───┐\n│ 1 │   │ 1 │\n├───┤   └───┘\n│ 1 │\n└───┘"
    assert plain(side_by_side(pictures, 14, PLAIN)) == beside
    below = "a\n┌───┐\n│ 1 │\n├───┤\n│ 1 │\n└───┘\n\nbcdefg\n┌───┐\n│ 1 │\n└───┘"
    assert plain(side_by_side(pictures, 13, PLAIN)) == plain(side_by_side(pictures, 1, PLAIN)) == below


@pytest.mark.parametrize("look", LOOKS, ids=["truecolor", "light in 256", "16 colours", "mono", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 110])
def test_the_page_fits_its_width(width: int, look: Look) -> None:
    lines = [
        *convolution_lines(PUBLISHED, (1, 1), width, look, other_strides=(2,)),
        *pooling_lines(PUBLISHED.image, width, look),
        *networks_lines(width, look),
    ]
    assert max(line.cell_len for line in lines) <= width
    text = plain(lines)
    assert text.isascii() == look.ascii
    assert "?" not in text


def test_the_sum_of_the_products_is_written_out() -> None:
    convolution = Convolution(parse_grid("1 2 3/4 5 6", "--input"), parse_grid("-1 0.5/0 2", "--kernel"))
    assert plain(convolution_lines(convolution, (0, 1), 80, PLAIN)).endswith(
        "\noutput[0,1] = 2·(-1) + 3·0.5\n            + 5·0 + 6·2 = 11.5"
    )
    assert "output[0,0] = 1*(-1) + 2*0.5" in plain(convolution_lines(convolution, (0, 0), 80, ASCII))


def test_the_other_stride_shows_the_same_window() -> None:
    def frames(at: tuple[int, int]) -> int:
        return plain(convolution_lines(PUBLISHED, at, 80, ASCII, other_strides=(2,))).count("#====#")

    assert frames((0, 0)) == 4, "above and below the cell, at both strides"
    assert frames((0, 1)) == 2, "the stride of 2 skips it"


def test_the_zeros_of_a_padding_are_told() -> None:
    padded = Convolution(PUBLISHED.image, PUBLISHED.kernel, padding=1)
    text = plain(convolution_lines(padded, (0, 0), 80, PLAIN))
    assert "input 5×5, padding 1" in text
    assert "dots are the zeros of the padding" in text
    assert "zeros" not in plain(convolution_lines(PUBLISHED, (0, 0), 80, PLAIN))


def test_pooling_takes_two_rows_and_columns() -> None:
    assert pooling_lines(np.ones((1, 5)), 80, PLAIN) == []
    assert "average, stride 2" in plain(pooling_lines(np.ones((2, 2)), 80, PLAIN))


def test_the_networks_and_what_kernels_see() -> None:
    text = plain(networks_lines(100, PLAIN))
    assert re.search(r"conv2 +conv 3x3 +5×24×24 +140 +156k +5×5\nflatten +flatten +2,880 +· +· +all\n", text)
    assert re.search(r"pool2 +max pool 2x2 +5×3×3 +· +135 +31×31\nflatten +flatten +45 +· +· +all\n", text)
    assert "86,910 parameters, 365k FLOPs an image" in text
    words = " ".join(text.split())
    assert "A 3×3 kernel covers 9 pixels, a 5×5 kernel 25. Two stacked 3×3 convolutions see 5×5 pixels too" in words
    assert "18 weights from channel to channel in place of 25" in words


LAYERS = [
    Layer(
        name="stage1.0.conv1", kind="conv 3x3", output_shape=(8, 9, 9), num_parameters=75, flops=9000, receptive_field=3
    ),
    Layer(name="fc", kind="linear", output_shape=(10,), num_parameters=25, flops=50, receptive_field=None),
]


def test_narrow_tables_lose_what_is_needed_least() -> None:
    head, *_ = (line.plain.split() for line in layer_lines("net", LAYERS, 80, PLAIN)[1:])
    assert head == ["layer", "kind", "output", "parameters", "FLOPs", "sees"]
    assert "━━━━━━━╸ " in plain(layer_lines("net", LAYERS, 80, PLAIN)), "75 of 100 parameters, in ten cells"
    without_bars, without_flops, cut = (plain(layer_lines("net", LAYERS, width, PLAIN)[1:-1]) for width in (62, 55, 45))
    assert "━" not in without_bars
    assert "9k" in without_bars
    assert "FLOPs" not in without_flops
    assert "stage1.0.conv1" in without_flops
    assert "….0.conv1  conv 3x3" in cut
    assert "...0.conv1  conv 3x3" in plain(layer_lines("net", LAYERS, 46, ASCII))


@given(width=st.integers(1, 120), look=st.sampled_from(LOOKS))
def test_tables_of_any_width_keep_their_columns(width: int, look: Look) -> None:
    lines = layer_lines("net", LAYERS, width, look)[1:-1]
    assert len({line.cell_len for line in lines}) == 1
    assert lines[0].cell_len <= max(width, 42)


def test_a_recipe_is_named_with_its_images() -> None:
    lines = recipe_lines(RECIPES["c10-lenet"], LAYERS, 80, ASCII)
    assert lines[0].plain == "c10-lenet: lenet on images of 3x32x32 (cifar10)"
    assert lines[-1].plain == "100 parameters, 9.1k FLOPs an image"
