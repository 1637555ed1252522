"""What the cells of a confusion matrix and the lines around them say: by colour, by number, by where they stand."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.style import Style
from textual.strip import Strip

from tui.render.heatmap import HeatSpec, Normalise, draw_heatmap, heat_layout
from tui.render.palettes import Depth, Look, palette

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)
HEAT, RIGHT = LOOK.colors(LOOK.palette.heat), LOOK.colors(LOOK.palette.diagonal)
LESS, MORE = LOOK.colors(LOOK.palette.less), LOOK.colors(LOOK.palette.more)
MANY = 21
NAMES = tuple(f"class {number}" for number in range(MANY))
HALVES, WIDE = (40, 14), (160, 30)
"""Room for two classes a line, and for numbers."""


def styles(strip: Strip) -> list[Style]:
    """Of each column."""
    return [segment.style or Style() for segment in strip for _ in segment.text]


def color_of(spec: HeatSpec, row: int, column: int, size: tuple[int, int]) -> str | None:
    """What a cell of the map is filled with."""
    at = heat_layout(spec, *size, LOOK)
    y, x = row - at.first[0], at.label + (column - at.first[1]) * at.cell
    style = styles(draw_heatmap(spec, *size, LOOK)[at.header + (y * at.lines or y // 2)])[x]
    color = style.color if at.lines == 0 and y % 2 == 0 else style.bgcolor
    return color and color.name


def counts(**cells: int) -> np.ndarray:  # type: ignore[type-arg]
    """Ten of each class right, and mistakes such as r1c2=5."""
    matrix = 10 * np.eye(MANY, dtype=int)
    for cell, count in cells.items():
        row, column = map(int, cell[1:].split("c"))
        matrix[row, column] = count
    return matrix


@pytest.mark.parametrize("size", [HALVES, WIDE], ids=["half blocks", "numbers"])
def test_mistakes_and_right_answers_are_filled_from_ramps_of_their_own(size: tuple[int, int]) -> None:
    spec = HeatSpec(counts(r0c1=10, r3c2=1, r5c5=0, r5c6=10), NAMES)
    assert color_of(spec, 1, 1, size) == RIGHT[-1]
    assert color_of(spec, 0, 0, size) == RIGHT[len(RIGHT) // 2]
    assert color_of(spec, 5, 5, size) == RIGHT[0]
    assert color_of(spec, 5, 6, size) == HEAT[-1]
    assert color_of(spec, 3, 2, size) in HEAT[10:-10]
    assert color_of(spec, 0, 2, size) == color_of(spec, 2, 1, size) == HEAT[0]


@pytest.mark.parametrize("size", [HALVES, WIDE], ids=["half blocks", "numbers"])
def test_in_a_comparison_colour_tells_more_from_less(size: tuple[int, int]) -> None:
    spec = HeatSpec(counts(r0c1=5, r4c4=9, r4c5=1), NAMES, Normalise.COUNT, baseline=counts(r3c2=5))
    assert color_of(spec, 0, 1, size) == MORE[-1]
    assert color_of(spec, 3, 2, size) == LESS[-1]
    assert color_of(spec, 4, 4, size) in LESS[10:-10]
    assert color_of(spec, 4, 5, size) in MORE[10:-10]
    assert color_of(spec, 6, 6, size) == color_of(spec, 0, 2, size) == MORE[0]


def test_the_greatest_difference_of_all_is_the_strongest() -> None:
    spec = HeatSpec(counts(r0c1=2, r4c4=0), NAMES, Normalise.COUNT, baseline=counts())
    assert color_of(spec, 4, 4, HALVES) == LESS[-1]
    assert color_of(spec, 0, 1, HALVES) in MORE[10:-10]


def test_a_class_is_as_strong_as_it_is_right_even_if_none_is_better() -> None:
    assert (
        color_of(HeatSpec(counts(**{f"r{n}c{(n + 1) % MANY}": 10 for n in range(MANY)}), NAMES), 3, 3, WIDE)
        == (RIGHT[len(RIGHT) // 2])
    )


def test_a_comparison_of_mistakes_only_is_scaled_by_mistakes() -> None:
    spec = HeatSpec(counts(r0c1=2), NAMES, Normalise.COUNT, True, baseline=counts(r4c4=0))
    assert color_of(spec, 0, 1, HALVES) == MORE[-1]
    assert color_of(spec, 4, 4, HALVES) == MORE[0]


@pytest.mark.parametrize("size", [HALVES, WIDE], ids=["half blocks", "numbers"])
def test_in_counts_the_class_that_is_most_often_right_is_the_strongest(size: tuple[int, int]) -> None:
    spec = HeatSpec(counts(r2c2=40), NAMES, Normalise.COUNT)
    assert (color_of(spec, 2, 2, size), color_of(spec, 1, 1, size)) == (RIGHT[-1], RIGHT[len(RIGHT) // 4])


@pytest.mark.parametrize("cursor", [(4, 6), (5, 6), (20, 20)], ids=["upper", "lower", "the odd row at the end"])
def test_the_cursor_in_half_blocks_is_its_own_half_of_a_cell_and_named(cursor: tuple[int, int]) -> None:
    spec = HeatSpec(counts(), NAMES, cursor=cursor)
    crosshair = LOOK.style("crosshair").color
    assert crosshair is not None
    at = heat_layout(spec, *HALVES, LOOK)
    marked = [
        (row, column)
        for row in range(at.first[0], at.first[0] + at.rows)
        for column in range(at.first[1], at.first[1] + at.columns)
        if color_of(spec, row, column, HALVES) == crosshair.name
    ]
    assert marked == [cursor]
    strips = draw_heatmap(spec, *HALVES, LOOK)
    line = strips[at.header + (cursor[0] - at.first[0]) // 2]
    assert line.text.startswith(f"class {cursor[0]} ")
    assert styles(line)[0].underline
    assert styles(strips[at.header])[0] == LOOK.style("muted")
    assert f" class {cursor[1]} " in strips[0].text


@pytest.mark.parametrize("width", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("number", [7, 42, 100])
def test_the_cursor_puts_brackets_around_a_number_that_leaves_them_room_and_moves_nothing(
    width: int, number: int
) -> None:
    matrix = np.array([[number, number], [1, 1]])
    plain, marked = (
        draw_heatmap(HeatSpec(matrix, ("a", "b"), Normalise.COUNT, cursor=cursor), width, 3, LOOK)[0].text
        for cursor in (None, (0, 0))
    )
    at = heat_layout(HeatSpec(matrix, ("a", "b")), width, 3, LOOK)
    cell = slice(at.label, at.label + at.cell)
    fits = len(str(number)) <= at.cell - 2
    assert marked[cell].strip() == (f"[{number}]" if fits else str(number))
    assert plain[: cell.start] + plain[cell.stop :] == marked[: cell.start] + marked[cell.stop :]
    assert marked.index(str(number)) == plain.index(str(number)) - (fits and at.cell == 3)


def test_below_an_odd_number_of_rows_there_is_nothing() -> None:
    spec = HeatSpec(counts(), NAMES)
    at = heat_layout(spec, *HALVES, LOOK)
    last = draw_heatmap(spec, *HALVES, LOOK)[at.header + at.rows // 2]
    assert at.rows == MANY
    assert all(style.bgcolor is None for style in styles(last))


def test_the_pointer_above_narrow_cells_stands_over_its_column_with_the_name_where_there_is_room() -> None:
    for column in range(MANY):
        spec = HeatSpec(counts(), NAMES, cursor=(0, column))
        at = heat_layout(spec, 31, 14, LOOK)
        header = draw_heatmap(spec, 31, 14, LOOK)[0].text
        assert header.index("▼") == at.label + (column - at.first[1]) * at.cell
        assert NAMES[column] in header


def test_every_tenth_narrow_column_is_numbered() -> None:
    spec = HeatSpec(counts(), NAMES)
    at = heat_layout(spec, *HALVES, LOOK)
    header = draw_heatmap(spec, *HALVES, LOOK)[0].text
    assert header.split() == ["0", "10", "20"]
    assert header.index("10") == at.label + 10 * at.cell


def test_what_is_out_of_view_is_told_below() -> None:
    names = tuple(f"class {number}" for number in range(100))
    spec = HeatSpec(np.eye(100), names, cursor=(50, 99))
    at = heat_layout(spec, 60, 20, LOOK)
    first, last = at.first[0] + 1, at.first[0] + at.rows
    footer = draw_heatmap(spec, 60, 20, LOOK)[-1].text
    assert f"rows {first}-{last}, columns {at.first[1] + 1}-100 of 100" in footer
    assert "of" not in draw_heatmap(HeatSpec(counts(), NAMES), *HALVES, LOOK)[-1].text


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (HeatSpec(counts(r0c1=10), NAMES), ["wrong 0", "50%", "right 0", "100%"]),
        (HeatSpec(counts(r0c1=10), NAMES, hide_diagonal=True), ["wrong 0", "50%"]),
        (HeatSpec(counts(r0c1=7), NAMES, Normalise.COUNT), ["wrong 0", "7", "right 0", "10"]),
        (HeatSpec(counts(r0c1=7), NAMES, Normalise.COUNT, baseline=counts()), ["less 0", "7", "more 0", "7"]),
    ],
    ids=["shares", "mistakes", "counts", "comparison"],
)
def test_the_scales_below_say_what_the_strongest_colour_means(spec: HeatSpec, expected: list[str]) -> None:
    line = draw_heatmap(spec, 100, 14, LOOK)[-1]
    assert [part.strip() for part in line.text.split("  ") if part.strip()] == expected
    ramps = (LESS, MORE) if spec.baseline is not None else (HEAT, RIGHT)
    fills = [style.bgcolor.name for style in styles(line) if style.bgcolor]
    ends = [ramp[end] for ramp in ramps[: len(expected) // 2] for end in (0, -1)]
    assert [fills[at + end] for at in range(0, len(fills), 8) for end in (0, 7)] == ends


def test_a_number_stands_in_the_middle_of_a_high_cell_and_the_name_beside_it() -> None:
    spec = HeatSpec(np.full((3, 3), 7), ("ant", "bee", "cow"), Normalise.COUNT)
    assert [strip.text.split() for strip in draw_heatmap(spec, 40, 10, LOOK)][:4] == [
        ["ant", "bee", "cow"], [], ["ant", "7", "7", "7"], [],
    ]  # fmt: skip


def test_a_small_share_on_a_bright_cell_can_be_read() -> None:
    nearly = np.array([[996, 4], [3, 997]])
    at = heat_layout(HeatSpec(nearly, ("a", "b")), 30, 5, LOOK)
    line = draw_heatmap(HeatSpec(nearly, ("a", "b")), 30, 5, LOOK)[at.header + (at.lines - 1) // 2]
    found = {segment.style.color.name for segment in line if segment.text.strip() == "0" and segment.style.color}
    assert found == {"#000000"}


def test_a_hidden_diagonal_is_no_zero() -> None:
    line = draw_heatmap(HeatSpec(counts(), NAMES, hide_diagonal=True), *WIDE, LOOK)[1]
    hidden = next(segment for segment in line if "╲" in segment.text)
    assert hidden.style == LOOK.style("faint")
    assert line.text.count("╲") == 1


@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize(
    ("counted", "baseline", "expected"),
    [(1135, 0, "1k"), (12_345, 0, "12k"), (980, 0, "980"), (1135, 2300, "-1k"), (130, 1, "+1…"), (1, 130, "-1…")],
)
def test_a_count_too_long_for_its_cell_is_rounded_or_says_that_it_is_cut(
    counted: int, baseline: int, expected: str, ascii: bool
) -> None:
    before = None if not baseline else np.array([[1, baseline], [1, 1]])
    spec = HeatSpec(np.array([[1, counted], [1, 1]]), ("a", "b"), Normalise.COUNT, baseline=before)
    at = heat_layout(spec, 8, 4, LOOK)
    assert at.cell == 3
    look = Look(palette(), ascii=ascii)
    cell = draw_heatmap(spec, 8, 4, look)[1].text[at.label + 3 :].strip()
    assert cell == (expected[:1] + ".." if ascii and "…" in expected else expected)


def test_without_colours_characters_say_how_much() -> None:
    narrow = draw_heatmap(HeatSpec(counts(r0c0=0, r0c1=10, r0c2=1), NAMES), 30, 24, PLAIN)[1].text
    assert narrow.split()[-1] == "@:"
    wide = [strip.text for strip in draw_heatmap(HeatSpec(np.array([[1, 99], [20, 80]]), ("a", "b")), 14, 4, PLAIN)]
    assert wide[1].split()[1:] == ["1", "#99"]


@given(
    k=st.integers(1, 60),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    width=st.integers(8, 160),
    height=st.integers(1, 60),
    ascii=st.booleans(),
    long=st.booleans(),
)
@example(k=4, where=(0.5, 0.0), width=8, height=1, ascii=False, long=False)  # two rows that share a line
def test_the_cursor_is_in_view_and_all_in_view_lies_within_the_pane_and_uses_it(
    k: int, where: tuple[float, float], width: int, height: int, ascii: bool, long: bool
) -> None:
    names = tuple(f"{'a long name ' * long}{number}" for number in range(k))
    row, column = (round(share * (k - 1)) for share in where)
    at = heat_layout(HeatSpec(np.eye(k), names, cursor=(row, column)), width, height, Look(palette(), ascii=ascii))
    lines = at.rows * at.lines or -(-at.rows // 2)
    assert at.first[0] <= row < at.first[0] + at.rows <= k
    assert at.first[1] <= column < at.first[1] + at.columns <= k
    assert at.header + lines + at.footer <= height
    assert at.label + at.columns * at.cell <= width
    assert at.columns == k or at.label + (at.columns + 1) * at.cell > width
    assert at.rows == k or at.header + lines + at.footer + max(at.lines, 1) > height
    assert at.cell_at(at.label, at.header + lines) is None
