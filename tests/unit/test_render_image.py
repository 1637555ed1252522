"""Images in half blocks keep their pixels, and right and wrong differ by more than colour."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from textual.strip import Strip

from tui.render.image import Tile, caption, draw_grid, draw_image, grid
from tui.render.palettes import Depth, Look, Role, palette

LOOK = Look(palette())
PLAIN = Look(palette("mono"), Depth.MONO, ascii=True)
LOOKS = [LOOK, Look(palette(), Depth.EIGHT_BIT), Look(palette("classic"), Depth.STANDARD), PLAIN]


def image(height: int = 32, width: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def colors(strip: Strip) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    found = []
    for segment in strip:
        assert segment.style is not None
        assert segment.style.color is not None
        assert segment.style.bgcolor is not None
        pair = (tuple(segment.style.color.get_truecolor()), tuple(segment.style.bgcolor.get_truecolor()))
        found += [pair] * len(segment.text)
    return found


def test_each_character_is_two_pixels() -> None:
    pixels = image()
    strips = draw_image(pixels, LOOK)
    assert len(strips) == 16
    for row, strip in enumerate(strips):
        assert colors(strip) == [(tuple(pixels[2 * row, x]), tuple(pixels[2 * row + 1, x])) for x in range(32)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (5, 3), (1, 1)])
def test_any_image_has_its_size(channels: int, look: Look, scale: int, size: tuple[int, int]) -> None:
    strips = draw_image(image(*size, channels), look, scale)
    assert len(strips) == -(-size[0] * scale // 2)
    for strip in strips:
        assert strip.cell_length == size[1] * scale == cell_len(strip.text)
        assert not look.ascii or strip.text.isascii()


def test_grey_images_without_a_channel_axis_are_drawn() -> None:
    assert draw_image(image()[:, :, 0], LOOK)[0].cell_length == 32


def test_256_colours_stay_what_they_are_when_rich_reduces_them() -> None:
    for strip in draw_image(image(), Look(palette(), Depth.EIGHT_BIT)):
        for segment in strip:
            assert segment.style is not None
            color = segment.style.color
            assert color is not None
            assert color.downgrade(ColorSystem.EIGHT_BIT) is color


def test_pixels_take_the_nearest_of_256_colours() -> None:
    pixels = np.array([[[255, 0, 0], [8, 8, 8]], [[0, 95, 135], [130, 129, 128]]], np.uint8)
    (strip,) = draw_image(pixels, Look(palette(), Depth.EIGHT_BIT))
    styles = [segment.style for segment in strip]
    found = [(s.color.number, s.bgcolor.number) for s in styles if s and s.color and s.bgcolor]
    assert found == [(196, 24), (232, 244)]


def test_brightness_becomes_characters_in_ascii() -> None:
    pixels = np.linspace(0, 255, 20).astype(np.uint8)[None, :, None].repeat(4, axis=0)
    assert draw_image(pixels, PLAIN)[0].text == "  ..::--==++**##%%@@"
    light = Look(palette("mono", dark=False), Depth.MONO, ascii=True)
    assert draw_image(pixels, light)[0].text == "@@%%##**++==--::..  "


def test_an_even_image_is_not_stretched() -> None:
    assert draw_image(np.zeros((4, 4, 3), np.uint8), PLAIN)[0].text == "    "
    assert draw_image(np.full((4, 4, 3), 255, np.uint8), PLAIN)[0].text == "@@@@"


@pytest.mark.parametrize(
    ("size", "num_images", "expected"),
    [
        ((140, 40), None, (4, 2, 1)),
        ((140, 50), 1, (1, 1, 3)),
        ((60, 17), None, (1, 1, 1)),
        ((31, 17), None, (0, 1, 1)),
        ((240, 100), 2, (2, 2, 3)),
    ],
)
def test_as_many_images_as_fit(size: tuple[int, int], num_images: int | None, expected: tuple[int, int, int]) -> None:
    plan = grid(*size, 32, 32, num_images)
    assert (plan.columns, plan.rows, plan.scale) == expected
    assert plan.capacity == plan.columns * plan.rows


@pytest.mark.parametrize(
    ("tile", "width", "expected", "expected_ascii"),
    [
        (Tile(image(), "cat", "cat"), 12, "✓ cat       ", "+ cat       "),
        (Tile(image(), "cat", "dog", 0.874), 20, "✗ dog (cat)      87%", "x dog (cat)      87%"),
        (Tile(image(), "automobile", "airplane", 0.5), 16, "✗ airp… (autom…)", "x air.. (auto..)"),
        (Tile(image(), "automobile", "automobile"), 9, "✓ automo…", "+ autom.."),
        (Tile(image(), "cat", "automobile", 0.5), 18, "✗ automobile (cat)", "x automobile (cat)"),
        (Tile(image(), "c\x1b[31mat\n", "c\x1b[31mat\n"), 8, "✓ cat   ", "+ cat   "),
    ],
)
def test_right_and_wrong_differ_by_more_than_colour(tile: Tile, width: int, expected: str, expected_ascii: str) -> None:
    assert caption(tile, width, LOOK).text == expected
    assert caption(tile, width, PLAIN).text.rstrip() == expected_ascii.rstrip()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 12), st.sampled_from(LOOKS), st.text(max_size=40))
def test_a_grid_fills_any_size_exactly(width: int, height: int, num_tiles: int, look: Look, name: str) -> None:
    tiles = [Tile(image(seed=index), name, "cat" if index % 2 else name, 0.9) for index in range(num_tiles)]
    strips = draw_grid(tiles, width, height, look, cursor=1)
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width == cell_len(strip.text)
        assert not look.ascii or strip.text.isascii()


def test_the_chosen_image_is_visible_without_colour() -> None:
    strips = draw_grid([Tile(image(), "cat", "cat")], 40, 20, PLAIN, cursor=0)
    assert any(segment.style is not None and segment.style.reverse for strip in strips for segment in strip)


def test_every_image_that_fits_is_shown_once_whole_and_in_order() -> None:
    tiles = [Tile(image(seed=number), f"number{number}", f"number{number}") for number in range(12)]
    plan = grid(110, 60, 32, 32, len(tiles))
    assert (plan.columns, plan.rows) == (3, 3)
    strips = draw_grid(tiles, 110, 60, LOOK, cursor=4)
    shown = [strip.text.replace("✓", "").split() for strip in strips if "number" in strip.text]
    assert shown == [
        ["number0", "number1", "number2"],
        ["number3", "number4", "number5"],
        ["number6", "number7", "number8"],
    ]
    lines = [strip.text.strip(" ▀") or strip.text[:1] for strip in strips]
    assert lines == [*["▀"] * 16, lines[16], " ", *["▀"] * 16, lines[34], " ", *["▀"] * 16, lines[52], *[" "] * 7]
    first = list(strips[18])[:1]
    assert colors(Strip(first)) == [(tuple(tiles[3].pixels[0, 0]), tuple(tiles[3].pixels[1, 0]))]
    chosen = [segment.text.strip() for strip in strips for segment in strip if segment.style == LOOK.style("cursor")]
    assert chosen == ["✓", "number4"]


@pytest.mark.parametrize(("predicted", "role"), [("cat", "good"), ("dog", "bad")])
def test_the_sign_has_the_colour_of_what_it_says(predicted: str, role: Role) -> None:
    sign = caption(Tile(image(), "cat", predicted), 20, LOOK)._segments[0]
    assert sign.style == LOOK.style(role)
