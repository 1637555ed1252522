"""The bar of a replay: where the picture is, what happened when, and where a click leads."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.render.palettes import Depth, Look, palette
from tui.render.transport import Film, FilmMark, bar_place, draw_transport, time_at

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)
FILM = Film(30, 100, playing=True, speed="×4")


def texts(film: Film, width: int, height: int = 2, look: Look = LOOK) -> list[str]:
    return [strip.text for strip in draw_transport(film, width, height, look)]


def test_the_bar_shows_how_much_of_the_run_has_passed() -> None:
    assert texts(FILM, 60, 1) == [" REPLAY  ▶ ×4   0:30 ━━━━━━━━━━●────────────────────── 1:40 "]
    held = replace(FILM, playing=False, speed="max", note="live", seconds=100)
    assert texts(held, 60, 1) == [" REPLAY  ‖ max  1:40 ━━━━━━━━━━━━━━━━━━━━━━━━━━● 1:40  live "]
    assert texts(FILM, 60, 1, PLAIN) == [" REPLAY  > x4   0:30 ==========O---------------------- 1:40 "]


@given(
    width=st.integers(0, 160), share=st.floats(0, 1), total=st.just(0.0) | st.floats(0.1, 1e6), height=st.integers(1, 2)
)
def test_a_click_on_the_head_of_the_bar_leads_to_the_time_shown(
    width: int, share: float, total: float, height: int
) -> None:
    film = Film(share * total, total, playing=False, speed="×1")
    line = texts(film, width, height)[-1]
    left, columns = bar_place(film, width)
    assert len(line) == width
    if columns < 2:
        assert all(time_at(film, column, width) is None for column in range(width))
        return
    there = time_at(film, line.index("●"), width)
    assert there is not None
    assert abs(there - film.seconds) <= 0.51 * total / (columns - 1)
    assert time_at(film, left, width) == 0
    assert time_at(film, left + columns - 1, width) == total
    assert time_at(film, left - 1, width) is time_at(film, left + columns, width) is None


def test_a_mark_stands_above_its_time_and_on_the_bar_where_there_is_one_line() -> None:
    film = replace(
        FILM, marks=[FilmMark(60, "L", "mark", 1), FilmMark(60, "★", "best", 2), FilmMark(60, "E", "mark", 0)]
    )
    left, columns = bar_place(film, 60)
    spot = left + round(0.6 * (columns - 1))
    above, bar = texts(film, 60)
    assert (above.strip(), above.index("★")) == ("★", spot)
    assert "★" not in bar
    passed = draw_transport(replace(FILM, marks=[FilmMark(10, "L", "mark", 1)]), 60, 2, LOOK)[0]
    assert [segment.style for segment in passed if segment.text == "L"] == [LOOK.style("mark")]
    assert texts(film, 60, 1)[0].index("★") == spot
    assert texts(film, 60, 1, PLAIN)[0].index("*") == spot


def test_a_checkpoint_stands_on_the_bar_in_the_colour_of_what_has_passed() -> None:
    film = replace(FILM, marks=[FilmMark(at, "◆", "muted", 0, on_bar=True) for at in (10, 80)])
    above, bar = draw_transport(film, 60, 2, LOOK)
    assert not above.text.strip()
    styles = [(sign, segment.style) for segment in bar for sign in segment.text]
    assert [style for sign, style in styles if sign == "◆"] == [LOOK.style("done"), LOOK.style("muted")]


def test_a_pause_is_a_stretch_of_the_bar() -> None:
    film = replace(FILM, pauses=[(50, 70)])
    left, columns = bar_place(film, 60)
    bar = texts(film, 60, 1)[0]
    found = [at for at, sign in enumerate(bar) if sign == "░"]
    assert found == list(range(left + round(0.5 * (columns - 1)), left + round(0.7 * (columns - 1)) + 1))


@pytest.mark.parametrize(("num_epochs", "numbers"), [(4, ["1", "2", "3", "4"]), (20, ["2", "6", "11", "16"])])
def test_epochs_are_ticks_with_numbers_above_where_there_is_room(num_epochs: int, numbers: list[str]) -> None:
    film = replace(FILM, epochs=[(number, 100 * number / num_epochs) for number in range(1, num_epochs + 1)])
    above, bar = texts(film, 60)
    assert above.split() == numbers
    assert bar.count("┷") + bar.count("┴") <= 17
    assert ("┷" in bar, "┴" in bar) == (True, True)
    assert "┴" not in bar[: bar.index("●")]
    assert "┷" not in bar[bar.index("●") :]
    assert texts(film, 60, 1) == [bar]


def test_a_mark_keeps_its_place_above_the_numbers_of_epochs() -> None:
    epochs = [(1, 25.0), (2, 50.0), (3, 75.0), (4, 100.0)]
    film = replace(FILM, epochs=epochs, marks=[FilmMark(50, "C", "mark", 0)])
    assert texts(film, 60)[0].split() == ["1", "C", "3", "4"]
