"""Numbers as text, sparklines and bars, and palettes that stay apart with few colours."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color, ColorSystem

from tui.render import numbers
from tui.render.palettes import NAMES, Depth, Look, Palette, Role, depth_of, palette
from tui.render.ramps import LEVELS, Ramp, colors
from tui.render.spark import gauge, progress, sparkline

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (numbers.count, 41_220, "41,220"),
        (numbers.compact, 950, "950"),
        (numbers.compact, 999.6, "1k"),
        (numbers.compact, 1500, "1.5k"),
        (numbers.compact, 41_220, "41.2k"),
        (numbers.compact, 2_300_000, "2.3M"),
        (numbers.compact, 11_173_962, "11.2M"),
        (numbers.compact, 6.1e9, "6.1G"),
        (numbers.compact, -1500, "-1.5k"),
        (numbers.compact, 0, "0"),
        (numbers.number, 0.41234, "0.412"),
        (numbers.number, 2.3061, "2.31"),
        (numbers.number, 12.44, "12.4"),
        (numbers.number, 0, "0.00"),
        (numbers.number, 1.234e-5, "1.2e-05"),
        (numbers.rate, 41_220.4, "41,220 img/s"),
        (numbers.rate, 3.14159, "3.1 img/s"),
        (numbers.percent, 0.734, "73.4%"),
        (numbers.share, 0.18, "18%"),
        (numbers.share, 0.005, "<1%"),
        (numbers.share, 0.0, "0%"),
        (numbers.points, 0.0141, "+1.4"),
        (numbers.points, -0.003, "-0.3"),
        (numbers.points, -0.0001, "0.0"),
        (numbers.learning_rate, 0.1, "0.1"),
        (numbers.learning_rate, 0.0125, "0.0125"),
        (numbers.learning_rate, 0.001, "1e-3"),
        (numbers.learning_rate, 0.00025, "2.5e-4"),
        (numbers.learning_rate, 0.0, "0"),
        (numbers.size, 12, "12 B"),
        (numbers.size, 300 << 20, "300 MiB"),
        (numbers.size, 512, "512 B"),
        (numbers.size, 14_889_779, "14.2 MiB"),
        (numbers.size, 85_899_345_920, "80.0 GiB"),
        (numbers.clock, 7, "0:07"),
        (numbers.clock, 192.4, "3:12"),
        (numbers.clock, 3723, "1:02:03"),
        (numbers.clock, 183_840, "2d 03:04"),
        (numbers.clock, 59.7, "1:00"),
        (numbers.duration, 0.0008, "800 µs"),
        (numbers.duration, 0.0123, "12.3 ms"),
        (numbers.duration, 4.21, "4.2 s"),
        (numbers.duration, 192, "3 min 12 s"),
        (numbers.duration, 3720, "1 h 02 min"),
        (numbers.duration, 183_840, "2 d 3 h"),
        (numbers.age, 2, "just now"),
        (numbers.age, 12.9, "12 s ago"),
        (numbers.age, 200, "3 min ago"),
        (numbers.age, 19_000, "5 h ago"),
        (numbers.age, 90_000, "1 day ago"),
        (numbers.age, 200_000, "2 days ago"),
    ],
)
def test_numbers_read_as_people_write_them(function: Callable[[float], str], value: float, expected: str) -> None:
    assert function(value) == expected


FORMATS = [
    numbers.count,
    numbers.compact,
    numbers.number,
    numbers.percent,
    numbers.points,
    numbers.learning_rate,
    numbers.size,
    numbers.clock,
    numbers.duration,
    numbers.age,
]


@pytest.mark.parametrize("function", FORMATS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_missing_is_a_dash(function: Callable[[float | None], str], value: float | None) -> None:
    assert function(value) == "–"


@pytest.mark.parametrize("function", FORMATS)
@given(value=st.floats(-1e15, 1e15))
def test_any_finite_number_has_a_short_text(function: Callable[[float], str], value: float) -> None:
    assert 0 < len(function(value)) <= 26


def test_a_sparkline_shows_the_newest_values_at_the_right() -> None:
    assert sparkline([9, 0, 1, 2, 3, 4, 5, 6, 7], 8, LOOK).plain == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 1], 4, LOOK).plain == "  ▁█"
    assert sparkline([0, None, 1], 3, LOOK).plain == "▁ █"
    assert sparkline([5, 5, 5], 3, LOOK).plain == "▄▄▄"
    assert sparkline([], 3, LOOK).plain == "   "
    assert sparkline([0, 7], 2, PLAIN).plain == "_@"
    assert sparkline([1, 2], 2, LOOK, low=0).plain == "▅█"


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30), st.integers(0, 20), st.sampled_from([LOOK, PLAIN]))
def test_a_sparkline_has_its_width(values: list[float | None], width: int, look: Look) -> None:
    assert cell_len(sparkline(values, width, look).plain) == width


def test_progress_moves_by_half_a_cell() -> None:
    assert progress(0.0, 4, LOOK).plain == "────"
    assert progress(0.125, 4, LOOK).plain == "╸───"
    assert progress(0.5, 4, LOOK).plain == "━━──"
    assert progress(1.0, 4, LOOK).plain == "━━━━"
    assert progress(None, 4, LOOK).plain == "────"
    assert progress(0.625, 4, PLAIN).plain == "##>-"


def test_a_gauge_fills_by_half_cells() -> None:
    assert gauge(0.5, 4, LOOK).plain == "━━  "
    assert gauge(0.38, 4, LOOK).plain == "━╸  "
    assert gauge(None, 4, LOOK).plain == "    "
    assert gauge(0.5, 4, PLAIN).plain == "##  "


@given(st.one_of(st.none(), st.floats()), st.integers(0, 40), st.sampled_from([LOOK, PLAIN]))
def test_bars_have_their_width(fraction: float | None, width: int, look: Look) -> None:
    for text in (progress(fraction, width, look), gauge(fraction, width, look)):
        assert cell_len(text.plain) == width
        assert not look.ascii or text.plain.isascii()


COLOURED = [name for name in NAMES if name != "mono"]
SIDE_BY_SIDE: list[tuple[Role, ...]] = [
    ("train", "train_band", "validation"),
    ("train", "validation", "top5", "ghost"),
    ("done", "planned", "now"),
    ("good", "bad"),
    ("series_a", "series_b", "series_c", "series_d"),
]


@pytest.mark.parametrize("roles", SIDE_BY_SIDE, ids="-".join)
@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD])
def test_curves_side_by_side_have_colours_of_their_own(
    name: str, dark: bool, roles: tuple[Role, ...], system: ColorSystem
) -> None:
    colors = [palette(name, dark=dark).style(role).color for role in roles]
    assert len({color.downgrade(system) for color in colors if color is not None}) == len(roles)


def contrast(first: str, second: str) -> float:
    """WCAG 2.1 contrast ratio."""

    def luminance(color: str) -> float:
        parts = [part / 255 for part in Color.parse(color).get_truecolor()]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


READABLE: list[Role] = ["text", "muted", "train", "validation", "top5", "done", "now", "best", "good", "bad", "warn"]


@pytest.mark.parametrize("role", READABLE)
@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("name", COLOURED)
def test_words_can_be_read_on_the_background(name: str, dark: bool, role: Role) -> None:
    color = palette(name, dark=dark).style(role).color
    assert color is not None
    assert contrast(color.name, "#16191f" if dark else "#f4f5f7") >= 4.5


RAMPS = {
    f"{name}-{'dark' if dark else 'light'}-{part}": (dark, getattr(palette(name, dark=dark), part))
    for name in COLOURED
    for dark in (True, False)
    for part in ("heat", "diagonal", "less", "more")
}


@pytest.mark.parametrize(("dark", "ramp"), RAMPS.values(), ids=RAMPS)
@pytest.mark.parametrize("depth", [Depth.TRUECOLOR, Depth.EIGHT_BIT])
def test_numbers_can_be_read_on_every_step_of_a_ramp(dark: bool, ramp: Ramp, depth: Depth) -> None:
    for step in range(LEVELS + 1):
        style = Look(palette(dark=dark), depth).shade(ramp, step / LEVELS)
        assert style.color is not None
        assert style.bgcolor is not None
        assert contrast(style.color.name, style.bgcolor.name) >= 4.5


@pytest.mark.parametrize(("dark", "ramp"), RAMPS.values(), ids=RAMPS)
def test_a_ramp_goes_one_way_in_brightness(dark: bool, ramp: Ramp) -> None:
    parts = np.array([Color.parse(color).get_truecolor() for color in colors(ramp, indexed=False)])
    steps = np.diff(parts @ np.array([0.2126, 0.7152, 0.0722]))
    assert (steps > -0.5).all() if dark else (steps < 0.5).all()  # half a level of 255 is rounding


@pytest.mark.parametrize(("dark", "ramp"), RAMPS.values(), ids=RAMPS)
def test_a_ramp_in_256_colours_starts_and_ends_as_the_full_one(dark: bool, ramp: Ramp) -> None:
    full = np.array([Color.parse(color).get_truecolor() for color in colors(ramp, indexed=False)])
    few = np.array([Color.parse(color).get_truecolor() for color in colors(ramp, indexed=True)])
    assert np.abs(full - few)[[0, -1]].mean() < 24
    assert len(np.unique(few, axis=0)) == 7


def test_a_level_out_of_range_is_clamped() -> None:
    ramp = palette().heat
    assert LOOK.shade(ramp, -1) == LOOK.shade(ramp, 0)
    assert LOOK.shade(ramp, 2) == LOOK.shade(ramp, 1)


@pytest.mark.parametrize("dark", [True, False])
def test_the_mono_palette_has_no_colour_in_its_roles(dark: bool) -> None:
    chosen: Palette = palette("mono", dark=dark)
    for role in SIDE_BY_SIDE[0] + SIDE_BY_SIDE[1]:
        assert chosen.style(role).color is None
    assert not Look(chosen, Depth.TRUECOLOR).shaded


def test_an_unknown_palette_is_an_error() -> None:
    with pytest.raises(KeyError):
        palette("neon")


def test_depth_follows_rich() -> None:
    assert [depth_of(name) for name in ("truecolor", "256", "standard", "windows", None)] == [
        Depth.TRUECOLOR, Depth.EIGHT_BIT, Depth.STANDARD, Depth.STANDARD, Depth.MONO,
    ]  # fmt: skip
