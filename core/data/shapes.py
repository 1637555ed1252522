"""The embedded data set `shapes`: ten geometric figures, 32×32 in colour, rendered from a fixed seed in 1–2 seconds.

It needs no download and is made to be watched: a small convolutional network starts near chance, passes 90 % after
half a dozen epochs, and on the way confuses the figures that look alike (circle and hexagon, square and rectangle).
Position, size, turn, colours, textures, contrast, noise and clutter vary, so none of them gives the class away; figures
of all classes have the same distribution of areas.

Figures are drawn from signed distances in pixels (negative inside), in the manner of Inigo Quilez,
https://iquilezles.org/articles/distfunctions2d: coverage of a pixel ≈ clamp(½ - distance), which gives smooth edges
without supersampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.data.catalog import DATASETS

Array = npt.NDArray[Any]  # float32

_SIDE = 32
_SEED = 1966
_CHUNK = 200  # images; the working set of a chunk stays in a core's cache

# How hard it is, found by training: the demo's network, 73,000 parameters, goes 19, 67, 80, 83, 89, 93, … 95 % in ten
# epochs. What sees less than a whole figure (three convolutions, 24,000 parameters) ends at 77 %.
_NUM_CLUTTER = 3  # small dots and lines behind the figure
_ASPECT = (0.55, 0.75)  # of ellipses and rectangles: how far they are from circles and squares
_SIZE = (10.0, 17.0)  # pixels; the square root of the area
_SHIFT = 4.0  # pixels off the centre, either way
_TURN = math.radians(20)  # either way
_CONTRAST = (0.3, 0.8)  # between figure and background
_SLOPE = 0.15  # of the gradients
_WAVE = 0.08  # of the waves
_NOISE = (0.02, 0.12)


class _Draws:
    """Uniform numbers, one a image, that are the same on every machine and with every version of NumPy.

    NumPy guarantees the raw stream of a bit generator for ever, the methods of `Generator` not (NEP 19).
    """

    def __init__(self, count: int, *seed: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))
        self._count = count

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        """In [low, high), of shape count × `shape` × 1 × 1, to be broadcast over pixels."""
        size = (self._count, *shape)
        unit = (self._bits.random_raw(math.prod(size)) >> 11) * 2.0**-53
        return (low + (high - low) * unit).astype(np.float32).reshape(*size, 1, 1)

    def noise(self, *shape: int) -> Array:
        """Triangular in (-1, 1), count × `shape`: the difference of two uniform bytes."""
        size = (self._count, *shape)
        raw = self._bits.random_raw(-(-math.prod(size) // 4)).view(np.int8)[: 2 * math.prod(size)]
        return (raw[::2].astype(np.float32) - raw[1::2]).reshape(size) / 256


# Distances of figures about the origin. `size` is the square root of the figure's area, `aspect` is used by ellipse and
# rectangle alone; both count × 1 × 1.


def _circle(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    return np.hypot(x, y) - size * math.sqrt(1 / math.pi)


def _ellipse(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    a, b = size / np.sqrt(math.pi * aspect), size * np.sqrt(aspect / math.pi)
    level = np.hypot(x / a, y / b)
    # First order: (f - 1) / |∇f| for the level function f; the floor keeps the centre from 0 / 0.
    distance: Array = level * (level - 1) / np.maximum(np.hypot(x / (a * a), y / (b * b)), 1e-6)
    return distance


def _square(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    return np.maximum(np.abs(x), np.abs(y)) - size / 2


def _rectangle(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    long = size / np.sqrt(aspect)
    return np.maximum(np.abs(x) - long / 2, np.abs(y) - long * aspect / 2)


def _polygon(corners: int) -> Callable[[Array, Array, Array, Array], Array]:
    def distance(x: Array, y: Array, size: Array, aspect: Array) -> Array:
        apothem = size / math.sqrt(corners * math.tan(math.pi / corners))
        angles = [2 * math.pi * corner / corners for corner in range(corners)]
        sides: Array = np.maximum.reduce([x * math.cos(angle) + y * math.sin(angle) for angle in angles])
        return sides - apothem

    return distance


def _star(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    """Five points; the inner corners lie at .45 of the outer radius."""
    inner, wedge = 0.45, math.pi / 5
    radius = size / math.sqrt(5 * inner * math.sin(wedge))
    # Fold the plane onto one half of one point: the tip at angle 0, the inner corner at angle π/5.
    angle = np.abs((np.arctan2(y, x) + wedge) % (2 * wedge) - wedge)
    along, across = np.hypot(x, y) * np.cos(angle), np.hypot(x, y) * np.sin(angle)
    edge_x, edge_y = 1 - inner * math.cos(wedge), inner * math.sin(wedge)
    return ((along - radius) * edge_y + across * edge_x) / math.hypot(edge_x, edge_y)


def _cross(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    """Two bars, three times as long as wide."""
    half_width = size / math.sqrt(5) / 2
    small, large = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
    return np.maximum(small - half_width, large - 3 * half_width)


def _ring(x: Array, y: Array, size: Array, aspect: Array) -> Array:
    """The hole has .55 of the outer radius."""
    outer = size / math.sqrt(math.pi * (1 - 0.55**2))
    return np.abs(np.hypot(x, y) - outer * (1 + 0.55) / 2) - outer * (1 - 0.55) / 2


_FIGURES: dict[str, Callable[[Array, Array, Array, Array], Array]] = {
    "circle": _circle,
    "ellipse": _ellipse,
    "square": _square,
    "rectangle": _rectangle,
    "triangle": _polygon(3),
    "pentagon": _polygon(5),
    "hexagon": _polygon(6),
    "star": _star,
    "cross": _cross,
    "ring": _ring,
}


def render_shapes(part: Literal["train", "validation"]) -> tuple[Tensor, Tensor]:
    """Images uint8 N×3×32×32 and labels int64 N of one part; the classes are equally frequent and in random order."""
    info = DATASETS["shapes"]
    count, stream = (info.num_train, 0) if part == "train" else (info.num_test, 1)
    per_class = count // len(info.classes)
    jobs = [
        (label, min(_CHUNK, per_class - start), start)
        for label in range(len(info.classes))
        for start in range(0, per_class, _CHUNK)
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy releases the interpreter lock
        chunks = list(pool.map(lambda job: _render(job[0], _Draws(job[1], _SEED, stream, job[0], job[2])), jobs))
    order = np.random.RandomState(_SEED + stream).permutation(count)  # frozen by NEP 19
    labels = np.repeat(np.arange(len(info.classes)), per_class)
    return torch.from_numpy(np.concatenate(chunks)[order]), torch.from_numpy(labels[order])


def _render(label: int, draws: _Draws) -> npt.NDArray[np.uint8]:
    """Images of one class, N×3×32×32."""
    axis = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
    x, y = axis.reshape(1, 1, _SIDE), axis.reshape(1, _SIDE, 1)
    background = draws.uniform(0.15, 0.85, 3)
    image = background + _texture(draws, x, y)
    for _ in range(_NUM_CLUTTER):
        image = _add_clutter(image, draws, x, y)

    size = draws.uniform(*_SIZE)
    angle = draws.uniform(-_TURN, _TURN)
    aspect = draws.uniform(*_ASPECT)
    dx, dy = x - draws.uniform(-_SHIFT, _SHIFT), y - draws.uniform(-_SHIFT, _SHIFT)
    cosine, sine = np.cos(angle), np.sin(angle)
    figure = _FIGURES[DATASETS["shapes"].classes[label]]
    distance = figure(dx * cosine + dy * sine, dy * cosine - dx * sine, size, aspect)
    # Away from the background by a contrast that is weak in some images and strong in others, in a random hue.
    direction = draws.uniform(-1.0, 1.0, 3)
    direction /= np.sqrt(np.square(direction).sum(1, keepdims=True))
    colour = background + direction * draws.uniform(*_CONTRAST, 1)
    image = _paint(image, distance, colour + _texture(draws, x, y))
    image = _add_clutter(image, draws, x, y)
    image += draws.uniform(*_NOISE, 1) * draws.noise(3, _SIDE, _SIDE)
    levels: npt.NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return levels


def _texture(draws: _Draws, x: Array, y: Array) -> Array:
    """A gradient and a wave, each across a direction and in a hue of its own: N×3×32×32 about zero."""
    angle = draws.uniform(0.0, 2 * math.pi, 2)
    slope = draws.uniform(-_SLOPE, _SLOPE, 3) * (np.cos(angle[:, :1]) * x + np.sin(angle[:, :1]) * y) / (_SIDE / 2)
    phase = (np.cos(angle[:, 1:]) * x + np.sin(angle[:, 1:]) * y) * draws.uniform(0.3, 1.6, 1)
    wave = draws.uniform(-_WAVE, _WAVE, 3) * np.sin(phase + draws.uniform(0.0, 2 * math.pi, 1))
    texture: Array = slope + wave
    return texture


def _add_clutter(image: Array, draws: _Draws, x: Array, y: Array) -> Array:
    """A dot or a short line of random colour anywhere."""
    centre_x, centre_y = draws.uniform(-16.0, 16.0), draws.uniform(-16.0, 16.0)
    angle = draws.uniform(0.0, math.pi)
    half_length = np.maximum(draws.uniform(-5.0, 6.0), 0)  # below zero, nearly half of them: dots
    half_width = draws.uniform(0.5, 1.6)
    dx, dy = x - centre_x, y - centre_y
    along = np.abs(dx * np.cos(angle) + dy * np.sin(angle))
    across = dy * np.cos(angle) - dx * np.sin(angle)
    distance = np.hypot(np.maximum(along - half_length, 0), across) - half_width
    return _paint(image, distance, draws.uniform(0.0, 1.0, 3))


def _paint(image: Array, distance: Array, colour: Array) -> Array:
    """`image` with `colour` laid over it where `distance` (N×32×32) is negative."""
    coverage = np.clip(0.5 - distance, 0, 1)[:, None]
    painted: Array = image + coverage * (colour - image)
    return painted
