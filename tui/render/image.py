"""Images in half blocks: two pixels a character, the upper one as its colour, the lower one as its background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.render.palettes import Depth, Look
from tui.render.safe import pad, safe

Pixels = NDArray[np.uint8]
"""H x W x C with 1 or 3 channels, or H x W."""

_SHADES, _ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
_GAP = 2  # columns between images
_CUBE = np.array([0, 95, 135, 175, 215, 255], np.int16)  # levels of xterm's colour cube
_CAPTION = 2  # lines: the caption and a blank one


@dataclass(frozen=True, eq=False)
class Tile:
    """An image and what the model said of it."""

    pixels: Pixels
    actual: str
    predicted: str
    confidence: float | None = None
    """0..1, of the predicted class."""

    @property
    def right(self) -> bool:
        """Whether the prediction is the actual class."""
        return self.actual == self.predicted


@dataclass(frozen=True)
class Grid:
    """How images are laid out."""

    columns: int
    rows: int
    scale: int
    tile_width: int
    """Columns of a tile with its gap."""

    @property
    def capacity(self) -> int:
        """Images that fit."""
        return self.columns * self.rows


def grid(width: int, height: int, image_height: int, image_width: int, num_images: int | None = None) -> Grid:
    """How many images fit into width x height cells; scaled up (to 3) as long as `num_images` of them still fit."""
    best = _grid(width, height, image_height, image_width, 1)
    if num_images:
        for scale in (2, 3):
            larger = _grid(width, height, image_height, image_width, scale)
            if larger.capacity >= num_images:
                best = larger
    return best


def _grid(width: int, height: int, image_height: int, image_width: int, scale: int) -> Grid:
    tile_width = image_width * scale + _GAP
    tile_height = -(-image_height * scale // 2) + _CAPTION
    # The last tile of a line needs no gap and the last line of tiles no blank line.
    columns, rows = (width + _GAP) // tile_width, (height + 1) // tile_height
    return Grid(max(columns, 0), max(rows, 0), scale, tile_width)


def draw_image(pixels: Pixels, look: Look, scale: int = 1) -> list[Strip]:
    """An image as strips of W * scale cells, half as many as H * scale (rounded up)."""
    image = _rgb(pixels).repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = image.shape[:2]
    if not look.shaded or look.ascii:
        return _characters(image, look)
    if height % 2:
        image = np.concatenate((image, np.zeros((1, width, 3), np.uint8)))
    packed = _to_256(image) if look.depth is Depth.EIGHT_BIT else _packed(image)
    pairs = (packed[0::2].astype(np.uint64) << np.uint64(32)) | packed[1::2]
    strips: list[Strip] = []
    for line in pairs:
        starts = np.flatnonzero(np.concatenate(([True], line[1:] != line[:-1])))
        lengths = np.diff(np.append(starts, width)).tolist()
        strips.append(
            Strip([Segment("▀" * n, _half(c)) for c, n in zip(line[starts].tolist(), lengths, strict=True)], width)
        )
    return strips


def draw_grid(tiles: Sequence[Tile], width: int, height: int, look: Look, *, cursor: int | None = None) -> list[Strip]:
    """Tiles with captions as `height` strips of `width` cells; those that do not fit are left out (see `grid`)."""
    blank = Strip([Segment(" " * width)], width)
    if not tiles:
        return [blank] * height
    image_height, image_width = tiles[0].pixels.shape[:2]
    plan = grid(width, height, image_height, image_width, len(tiles))
    lines: list[Strip] = []
    for first in range(0, min(len(tiles), plan.capacity), max(plan.columns, 1)):
        row = tiles[first : first + plan.columns]
        images = [draw_image(tile.pixels, look, plan.scale) for tile in row]
        gap = Strip([Segment(" " * _GAP)], _GAP)
        for parts in zip(*images, strict=True):
            lines.append(Strip.join([piece for part in parts for piece in (part, gap)]))
        lines.append(
            Strip.join(
                [
                    piece
                    for offset, tile in enumerate(row)
                    for piece in (caption(tile, plan.tile_width - _GAP, look, cursor == first + offset), gap)
                ]
            )
        )
        lines.append(blank)
    lines += [blank] * (height - len(lines))
    return [strip.adjust_cell_length(width) for strip in lines[:height]]


def caption(tile: Tile, width: int, look: Look, selected: bool = False) -> Strip:
    """✓ cat, or ✗ dog (cat) 87%: the prediction, the actual class where it differs, the confidence where it fits."""
    sign = ("+" if tile.right else "x") if look.ascii else ("✓" if tile.right else "✗")
    predicted, actual = (safe(name, ascii=look.ascii) for name in (tile.predicted, tile.actual))
    confidence = "" if tile.confidence is None else f" {100 * tile.confidence:.0f}%"
    room = max(width - 2, 0)
    names = safe(predicted, room, ascii=look.ascii) if tile.right else f"{predicted} ({actual})"
    if cell_len(names) > room:
        each = max((room - 3) // 2, 1)
        names = f"{safe(predicted, each, ascii=look.ascii)} ({safe(actual, room - 3 - each, ascii=look.ascii)})"
    if cell_len(names) + len(confidence) <= room:
        names = pad(names, room - len(confidence)) + confidence
    sign_style = look.style("good" if tile.right else "bad")
    name_style = look.style("text") if tile.right else look.style("text") + Style(bold=True)
    if selected:
        sign_style = name_style = look.style("cursor")
    return Strip([Segment(sign + " ", sign_style), Segment(pad(names, room), name_style)]).adjust_cell_length(width)


@lru_cache(maxsize=65_536)
def _half(pair: int) -> Style:
    """The style of an upper half block for two packed colours. Photographs repeat few pairs, but redraws repeat all."""
    return Style.from_color(_color(pair >> 32), _color(pair & 0xFFFFFFFF))


_NUMBERED = 1 << 24  # above all 24-bit colours: marks a number of the 256-colour palette


@lru_cache(maxsize=32_768)
def _color(packed: int) -> Color:
    if packed & _NUMBERED:
        return Color.from_ansi(packed & 255)
    return Color.from_triplet(ColorTriplet(packed >> 16, packed >> 8 & 255, packed & 255))


def _packed(image: Pixels) -> NDArray[np.uint32]:
    packed: NDArray[np.uint32] = image.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    return packed


def _to_256(image: Pixels) -> NDArray[np.uint32]:
    """Pixels as numbers of the nearest of the 216 colours of xterm's cube and its 24 greys.

    Done here for whole images: rich looks up one colour at a time, in a cache of 1024 that two images overflow.
    """
    levels = np.abs(image.astype(np.int16)[..., None] - _CUBE).argmin(axis=-1)
    grey = np.clip(np.rint((image.mean(axis=2) - 8) / 10), 0, 23).astype(np.intp)
    to_cube = np.square(image - _CUBE[levels].astype(np.float64)).sum(axis=2)
    to_grey = np.square(image - (grey * 10.0 + 8)[..., None]).sum(axis=2)
    number = np.where(to_cube <= to_grey, 16 + levels @ np.array([36, 6, 1]), 232 + grey)
    packed: NDArray[np.uint32] = number.astype(np.uint32) | np.uint32(_NUMBERED)
    return packed


def _rgb(pixels: Pixels) -> Pixels:
    image = pixels if pixels.ndim == 3 else pixels[:, :, None]
    return image if image.shape[2] == 3 else np.repeat(image[:, :, :1], 3, axis=2)


def _characters(image: Pixels, look: Look) -> list[Strip]:
    """Brightness as characters, each the mean of the two pixels it covers, stretched to the range of the image."""
    ramp = _ASCII_SHADES if look.ascii else _SHADES
    light = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])  # Rec. 601
    if len(light) % 2:
        light = np.concatenate((light, light[-1:]))
    light = (light[0::2] + light[1::2]) / 2
    low, high = float(light.min()), float(light.max())
    level = (light - low) / (high - low) if high - low >= 1 else light / 255
    if not look.palette.dark:
        level = 1 - level
    index = np.minimum((level * len(ramp)).astype(int), len(ramp) - 1)
    return [Strip([Segment("".join(ramp[i] for i in line), look.style("text"))], len(line)) for line in index.tolist()]
