"""Plots keep their size at any size and say what the data says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.render.canvas import Canvas
from tui.render.curves import pack, trace
from tui.render.palettes import Depth, Look, palette
from tui.render.plot import (
    Axis,
    Mark,
    Note,
    PlotSpec,
    Series,
    Shade,
    Stroke,
    Unit,
    draw_plot,
    layout,
    legend,
    message,
    readout,
)

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)
LOOKS = [LOOK, Look(palette(dark=False), Depth.EIGHT_BIT), Look(palette("classic"), Depth.STANDARD), PLAIN]
STEPS = np.arange(2000.0)


def lines(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def assert_size(strips: list[Strip], width: int, height: int, look: Look = LOOK) -> None:
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width == cell_len(strip.text)
        assert not look.ascii or strip.text.isascii()


def full_spec(x: Any, y: Any, /, **changes: Any) -> PlotSpec:
    return PlotSpec(
        series=(
            Series("band", x, y, "train_band", Stroke.BAND),
            Series("smooth", x, y, "train", Stroke.LINE, smoothing=0.9),
            Series("val", x, y, "validation", Stroke.HEAVY, "●"),
            Series("plan", x, y, "planned", Stroke.DASHED),
            Series("ghost", x, y, "ghost", Stroke.DOTTED),
        ),
        marks=(Mark(3, "C"), Mark(1e9, "L"), Mark(float("nan"), "猫")),
        shades=(Shade(2, 5), Shade(-10, 900)),
        notes=(Note(4, 1, "◆", "now"), Note(0, float("nan"), "★", "[red]x\x1b[2J")),
        crosshair=5,
        **changes,
    )


FLOATS = st.lists(st.floats(), max_size=60)


@settings(deadline=None, max_examples=80)
@given(FLOATS, st.integers(1, 250), st.integers(1, 80), st.sampled_from(LOOKS), st.booleans(), st.sampled_from(Unit))
def test_any_data_fills_any_size_exactly(
    values: list[float], width: int, height: int, look: Look, log: bool, unit: Unit
) -> None:
    spec = full_spec(np.arange(len(values)), values, y=Axis(unit, log=log), x=Axis(unit, "title"))
    assert_size(draw_plot(spec, width, height, look), width, height, look)


@pytest.mark.parametrize("size", [(20, 5), (38, 8), (60, 16), (120, 40), (250, 80)])
@pytest.mark.parametrize("log", [False, True])
def test_many_points_fill_any_size_exactly(size: tuple[int, int], log: bool) -> None:
    y = np.exp(-STEPS / 500) + 0.1 * np.sin(STEPS)
    assert_size(draw_plot(full_spec(STEPS, y, y=Axis(log=log)), *size, LOOK), *size)


@pytest.mark.parametrize(
    "spec",
    [
        PlotSpec(empty="Nothing here yet"),
        PlotSpec((Series("a", [], []),), empty="Nothing here yet"),
        PlotSpec((Series("a", [1, 2], [np.nan, np.inf]),), empty="Nothing here yet"),
        PlotSpec((Series("a", [1, 2], [0.0, -1.0]),), y=Axis(log=True), empty="Nothing here yet"),
        PlotSpec((Series("a", [1], [1]),), x_range=(5, 5), empty="Nothing here yet"),
    ],
    ids=["no series", "no points", "no finite value", "nothing above zero on a log axis", "empty range"],
)
def test_nothing_to_show_is_a_calm_sentence_in_the_middle(spec: PlotSpec) -> None:
    text = lines(draw_plot(spec, 40, 9, LOOK))
    assert text[4].strip() == "Nothing here yet"
    assert abs(len(text[4]) - len(text[4].rstrip()) - (len(text[4]) - len(text[4].lstrip()))) <= 1
    assert not any(line.strip() for index, line in enumerate(text) if index != 4)


def test_a_long_sentence_is_broken_at_spaces() -> None:
    text = lines(message("The first evaluation fills this map", 20, 5, LOOK))
    assert [line.strip() for line in text] == ["", "The first", "evaluation fills", "this map", ""]


def test_a_falling_line_in_ascii() -> None:
    spec = PlotSpec((Series("loss", [0, 10], [10, 0]),), x=Axis(Unit.COUNT, "step"))
    assert lines(draw_plot(spec, 30, 9, PLAIN)) == [
        "10+***........................",
        "  |   ****                    ",
        "  |       ****                ",
        " 5+...........****............",
        "  |               ****        ",
        "  |                   ****    ",
        " 0+.......................****",
        "  ++------------+-------------",
        "   0            5         step",
    ]


@pytest.mark.parametrize(("values", "expected"), [([3.0, 3.0, 3.0], "3.0"), ([0.0, 0.0], "0"), ([-2.0], "-2.0")])
def test_constant_values_are_drawn_in_the_middle(values: list[float], expected: str) -> None:
    strips = draw_plot(PlotSpec((Series("a", np.arange(len(values)), values, marker="●"),)), 40, 11, LOOK)
    middle = [index for index, line in enumerate(lines(strips)) if "●" in line]
    assert len(middle) == 1
    assert any(expected in line for line in lines(strips))


def test_a_single_point_is_visible() -> None:
    text = lines(draw_plot(PlotSpec((Series("a", [7], [0.5], marker="●"),), x=Axis(Unit.COUNT)), 40, 11, LOOK))
    assert sum(line.count("●") for line in text) == 1


def test_later_curves_lie_over_earlier_ones() -> None:
    y = [1.0, 2.0]
    spec = PlotSpec((Series("a", [0, 1], y, "train"), Series("b", [0, 1], y, "validation")))
    styles = {segment.style for strip in draw_plot(spec, 40, 11, LOOK) for segment in strip if "⠤" in segment.text}
    assert LOOK.style("train") not in styles


def test_strokes_can_be_told_apart_without_colour() -> None:
    strokes = (Stroke.LINE, Stroke.HEAVY, Stroke.DASHED, Stroke.DOTTED)
    specs = [PlotSpec((Series("a", [0, 1], [1, 2], "train", stroke),)) for stroke in strokes]
    for look in (Look(palette("mono"), Depth.MONO), PLAIN):
        assert len({"\n".join(lines(draw_plot(spec, 40, 11, look))) for spec in specs}) == len(specs)


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    x, y = np.arange(40.0), np.ones(40)
    y[10:30] = np.nan
    strips = draw_plot(PlotSpec((Series("a", x, y),)), 46, 11, LOOK)
    row = next(line for line in lines(strips) if any("\u2801" <= c <= "\u28ff" for c in line))
    assert all(not "\u2801" <= c <= "\u28ff" for c in row[20:34])


def test_a_spike_out_of_view_costs_nothing() -> None:
    (bits,) = trace([(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1e30, 1.0]), Stroke.LINE)], 10, 5)
    assert bits.shape == (5, 10)
    assert bits.any()


def test_dots_lie_where_the_values_are() -> None:
    low, high = trace(
        [
            (np.array([0.25, 9.75]), np.array([0.125, 0.125]), Stroke.LINE),
            (np.array([0.25, 9.75]), np.array([4.875, 4.875]), Stroke.LINE),
        ],
        10,
        5,
    )
    assert (low[4] == 0xC0).all()
    assert (high[0] == 0x09).all()
    assert not low[:4].any()
    assert not high[1:].any()


def test_dots_are_packed_as_braille() -> None:
    dots = np.zeros((4, 4), bool)
    dots[0, 0] = dots[3, 3] = True
    assert pack(dots).tolist() == [[0x01, 0x80]]


def test_a_rare_spike_does_not_flatten_the_rest_and_is_shown() -> None:
    y = np.ones(5000) + 0.1 * np.sin(STEPS.repeat(3)[:5000])
    y[2500] = 500
    spec = PlotSpec((Series("a", np.arange(5000), y, "train_band", Stroke.BAND),))
    frame = layout(spec, 60, 16)
    assert frame is not None
    assert frame.y_range[1] < 2
    assert sum(line.count("▲") for line in lines(draw_plot(spec, 60, 16, LOOK))) == 1


def test_marks_stand_on_the_axis_with_their_letter() -> None:
    spec = PlotSpec((Series("a", [0, 100], [0, 1]),), marks=(Mark(50, "C"),))
    text = lines(draw_plot(spec, 60, 12, LOOK))
    column = text[10].index("C")
    assert text[8][column] == "╎"


def test_the_letter_of_a_mark_does_not_stand_in_a_value() -> None:
    spec = PlotSpec(
        (Series("lr", [0, 100], [1, 0]),), marks=(Mark(91, "P"), Mark(50, "C")), notes=(Note(99, 0, "◆", "8e-8"),)
    )
    last_row = lines(draw_plot(spec, 60, 6, LOOK))[4]
    assert "8e-8 ◆" in last_row
    assert "C" in last_row


@pytest.mark.parametrize(("x", "expected"), [(0, "◆ best"), (60, "◆ best"), (100, "best ◆")])
def test_a_note_stands_beside_its_point_on_the_side_with_room(x: float, expected: str) -> None:
    spec = PlotSpec((Series("a", [0, 100], [0, 1]),), y_range=(0, 1), notes=(Note(x, 0.5, text="best"),))
    assert [line for line in lines(draw_plot(spec, 40, 9, LOOK)) if expected in line]


def test_pauses_are_shaded_or_hatched() -> None:
    spec = PlotSpec((Series("a", [0, 100], [0, 1]),), shades=(Shade(40, 60),))
    shaded = LOOK.style("pause").bgcolor
    row = draw_plot(spec, 60, 12, LOOK)[8]
    assert sum(len(s.text) for s in row if s.style is not None and s.style.bgcolor == shaded) in range(10, 14)
    assert any("///" in line for line in lines(draw_plot(spec, 60, 12, PLAIN)))


def test_the_crosshair_names_its_place_and_the_values_on_it() -> None:
    spec = PlotSpec(
        (Series("a", np.arange(11), np.arange(11) / 10),), x=Axis(Unit.COUNT), y=Axis(Unit.PERCENT), crosshair=4
    )
    text = lines(draw_plot(spec, 60, 12, LOOK))
    assert " 4 " in text[-1]
    assert any("○" in line for line in text)
    assert [(reading.x, reading.y) for reading in readout(spec, 4.9)] == [(4, 0.4)]
    assert readout(spec, -1) == []


def test_the_name_of_the_crosshairs_place_leaves_no_part_of_another_number_beside_it() -> None:
    for at in range(101):
        spec = PlotSpec((Series("a", np.arange(101), np.arange(101)),), x=Axis(Unit.COUNT, "step"), crosshair=at)
        numbers = [int(word) for word in lines(draw_plot(spec, 60, 12, LOOK))[-1].split() if word.isdigit()]
        assert at in numbers
        assert {*numbers} <= {0, 20, 40, 60, 80, 100, at}


def test_a_legend_names_the_curves_as_they_are_drawn() -> None:
    spec = PlotSpec((Series("train", [0], [0]), Series("val[/]\n", [0], [0], "validation", Stroke.HEAVY, "●")))
    assert legend(spec, LOOK).plain == "─ train  ━● val[/]"
    assert legend(spec, PLAIN).plain == "* train  #o val[/]"


def test_a_legend_without_room_keeps_the_curves_in_front() -> None:
    spec = PlotSpec(tuple(Series(name, [0], [0]) for name in ("published", "top-5", "train", "val")))
    assert legend(spec, LOOK, 16).plain == "─ train  ─ val"
    assert legend(spec, LOOK, 15).plain == "─ train  ─ val"
    assert legend(spec, LOOK, 13).plain == "─ val"
    assert legend(spec, LOOK, 4).plain == ""


def test_wide_and_combining_characters_keep_the_grid() -> None:
    canvas = Canvas(6, 1)
    canvas.text(0, 0, "猫a\u0301猫猫", Style(bold=True))
    assert_size(canvas.strips(), 6, 1)
    assert canvas.strips()[0].text == "猫a猫 "
