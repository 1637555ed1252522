"""Confusion matrices: the numbers, the short names, and a map that fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip

from tui.render.heatmap import (
    HeatSpec,
    Normalise,
    abbreviate,
    draw_heatmap,
    heat_layout,
    shares,
)
from tui.render.palettes import Depth, Look, palette

CIFAR10 = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)
LOOKS = [
    LOOK, Look(palette(), ascii=True), Look(palette(dark=False), Depth.EIGHT_BIT),
    Look(palette("classic"), Depth.STANDARD), PLAIN,
]  # fmt: skip
SMALL = np.array([[8, 2, 0], [1, 9, 0], [3, 3, 4]])
ABC = ("ant", "bee", "cow")


def lines(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


@settings(deadline=None, max_examples=80)
@given(
    k=st.integers(1, 40),
    width=st.integers(1, 160),
    height=st.integers(1, 60),
    look=st.sampled_from(LOOKS),
    normalise=st.sampled_from(Normalise),
    hide_diagonal=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    compare=st.booleans(),
)
def test_any_matrix_fills_any_size_exactly(
    k: int, width: int, height: int, look: Look, normalise: Normalise, hide_diagonal: bool, seed: int, compare: bool
) -> None:
    random = np.random.default_rng(seed)
    matrix = random.integers(0, 10 ** random.integers(1, 6), (k, k)) * (random.random((k, 1)) > 0.2)
    names = tuple(random.choice(["猫", "x\x1b[31m", "[red]", "cat", "cat", "a" * 300, ""], k).tolist())
    cursor = (int(random.integers(k)), int(random.integers(k))) if random.random() > 0.3 else None
    baseline = random.integers(0, 100, (k, k)) if compare else None
    spec = HeatSpec(matrix, names, normalise, hide_diagonal, cursor, baseline)
    strips = draw_heatmap(spec, width, height, look)
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width == cell_len(strip.text)
        assert not look.ascii or strip.text.isascii()
        assert "\x1b" not in strip.text


@pytest.mark.parametrize(
    "spec",
    [
        HeatSpec(np.zeros((3, 3)), ABC),
        HeatSpec(np.zeros((0, 0)), ()),
        HeatSpec(SMALL, ("too", "few")),
    ],
    ids=["no images", "no classes", "names that do not fit"],
)
def test_without_counts_there_is_a_sentence(spec: HeatSpec) -> None:
    assert "The first evaluation fills this map" in " ".join(lines(draw_heatmap(spec, 50, 9, LOOK)))


def test_rows_are_actual_and_columns_predicted() -> None:
    assert lines(draw_heatmap(HeatSpec(SMALL, ABC), 17, 4, PLAIN)) == [
        "    ant bee cow  ",
        "ant #80 #20      ",
        "bee *10 #90      ",
        "cow #30 #30  40  ",
    ]


def test_a_share_is_of_the_row_the_column_or_nothing() -> None:
    assert shares(SMALL, Normalise.ROW)[2].tolist() == [0.3, 0.3, 0.4]
    assert shares(SMALL, Normalise.COLUMN)[:, 2].tolist() == [0, 0, 1]
    assert shares(SMALL, Normalise.COUNT)[0].tolist() == [8, 2, 0]


def test_a_class_without_images_has_no_shares() -> None:
    assert np.isnan(shares([[0, 0], [1, 1]], Normalise.ROW)[0]).all()


@pytest.mark.parametrize(
    ("names", "width", "expected"),
    [
        (CIFAR10, 3, "air aut bir cat dee dog fro hor shi tru"),
        (CIFAR10, 4, "airp auto bird cat deer dog frog hors ship truc"),
        (("cloud", "clock", "cat"), 3, "clu clc cat"),
        (("oak_tree", "oak_table"), 4, "oakr oaka"),
        (("sweet_pepper", "sweet_orange"), 3, "swp swo"),
        (("====", "====="), 3, "#0 #1"),
        (tuple("0123456789"), 1, "0 1 2 3 4 5 6 7 8 9"),
    ],
)
def test_short_names(names: tuple[str, ...], width: int, expected: str) -> None:
    assert " ".join(abbreviate(names, width)) == expected


@given(st.lists(st.text(max_size=12), min_size=1, max_size=60), st.integers(2, 6))
def test_short_names_fit_and_differ(names: list[str], width: int) -> None:
    short = abbreviate(names, width)
    assert len(set(short)) == len(short) == len(names)
    assert all(0 < cell_len(name) <= width for name in short)


def test_a_number_stands_in_each_cell_where_there_is_room() -> None:
    text = lines(draw_heatmap(HeatSpec(np.full((10, 10), 10), CIFAR10), 60, 12, LOOK))
    assert text[1].split() == ["airplane"] + ["10"] * 10


def test_counts_are_shown_as_counts() -> None:
    text = lines(draw_heatmap(HeatSpec(SMALL * 1000, ABC, Normalise.COUNT), 40, 6, LOOK))
    assert text[1].split() == ["ant", "8k", "2k", "·"]


def test_the_cursor_is_visible_without_colour() -> None:
    strips = draw_heatmap(HeatSpec(SMALL, ABC, cursor=(0, 1)), 40, 6, PLAIN)
    assert "[20]" in strips[1].text
    assert any(segment.style is not None and segment.style.reverse for segment in strips[1])


def test_a_hidden_diagonal_has_no_numbers() -> None:
    text = lines(draw_heatmap(HeatSpec(SMALL, ABC, hide_diagonal=True), 40, 6, PLAIN))
    assert text[1].split()[1] == "\\"


def test_a_difference_has_signs() -> None:
    text = lines(draw_heatmap(HeatSpec(SMALL, ABC, baseline=SMALL[::-1]), 40, 6, LOOK))
    assert text[1].split()[1:] == ["+50", "-10", "-40"]
    slight = HeatSpec(np.diag([1000] * 3), ABC, baseline=np.diag([1000] * 3) + [[-3, 3, 0]] * 3)
    assert lines(draw_heatmap(slight, 40, 6, LOOK))[1].split()[1:] == ["0", "0", "·"], "what rounds to 0 has no sign"


def test_a_hundred_classes_share_lines_and_follow_the_cursor() -> None:
    names = tuple(f"class_{index}" for index in range(100))
    matrix = np.eye(100, dtype=int)
    for cursor in ((0, 0), (99, 99), (50, 3)):
        spec = HeatSpec(matrix, names, cursor=cursor)
        at = heat_layout(spec, 60, 16, LOOK)
        assert at.lines == 0
        assert at.first[0] <= cursor[0] < at.first[0] + at.rows
        assert at.first[1] <= cursor[1] < at.first[1] + at.columns
        text = "\n".join(lines(draw_heatmap(spec, 60, 16, LOOK)))
        assert names[cursor[0]] in text
        assert names[cursor[1]] in text


def test_all_hundred_classes_fit_where_there_is_room() -> None:
    at = heat_layout(HeatSpec(np.eye(100), tuple(f"class_{i}" for i in range(100))), 112, 54, LOOK)
    assert (at.rows, at.columns) == (100, 100)


@pytest.mark.parametrize("size", [(51, 12), (38, 8), (78, 24)])
@pytest.mark.parametrize("look", [LOOK, PLAIN], ids=["half blocks", "ascii"])
def test_a_mouse_finds_the_cell_it_points_at(size: tuple[int, int], look: Look) -> None:
    spec = HeatSpec(np.ones((10, 10)), CIFAR10)
    at = heat_layout(spec, *size, look)
    step = at.lines or 1
    assert at.cell_at(at.label, at.header) == at.first
    assert at.cell_at(at.label + at.cell, at.header) == (at.first[0], at.first[1] + 1)
    assert at.cell_at(at.label, at.header + step) == (at.first[0] + (1 if at.lines else 2), at.first[1])
    assert at.cell_at(at.label - 1, at.header) is None
    assert at.cell_at(at.label + at.cell * 10, at.header) is None
