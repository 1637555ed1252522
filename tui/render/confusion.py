"""Confusion matrices as numbers: shares, and short names for their classes."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len

from tui.render.safe import safe

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

_MAX_COMBINATIONS = 400  # spellings tried for a name before it gets a number


class Normalise(Enum):
    """What a cell is a share of, as legends say it."""

    ROW = "% of actual"
    """Of all images of the actual class: the diagonal is recall."""
    COLUMN = "% of predicted"
    """Of all images predicted as that class: the diagonal is precision."""
    COUNT = "counts"
    """Of nothing: images."""


def shares(matrix: ArrayLike, normalise: Normalise) -> Shares:
    """The matrix normalised; NaN in rows or columns without an image. Counts stay counts."""
    counts = np.asarray(matrix, np.float64)
    if normalise is Normalise.COUNT:
        return counts
    total = counts.sum(axis=1 if normalise is Normalise.ROW else 0, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, counts / total, np.nan)


def abbreviate(names: Sequence[str], width: int, *, ascii: bool = False) -> tuple[str, ...]:
    """Names of at most `width` (at least 1) cells, all different where so many can be.

    A name that fits stays. Otherwise its beginning, unless another name begins so too: "clo" would not tell cloud from
    clock, so they become "clu" and "clc". Where letters do not suffice the class gets its number.
    """
    return _abbreviate(tuple(names), width, ascii)


@lru_cache(maxsize=64)  # 1 ms for 100 names, which are the same in every frame
def _abbreviate(names: tuple[str, ...], width: int, ascii: bool) -> tuple[str, ...]:
    clean = [safe(name, ascii=ascii) for name in names]
    prefixes = Counter(_fit(_letters(name), width) for name in clean)
    taken = {name for name in clean if 0 < cell_len(name) <= width}
    short: list[str] = []
    for index, name in enumerate(clean):
        if 0 < cell_len(name) <= width and name not in short:
            choice = name
        else:
            spellings = itertools.chain(
                (text for text in _spellings(name, width) if prefixes[text] < 2 and 0 < cell_len(text) <= width),
                _numbered(index, width),
            )
            choice = next((text for text in spellings if text not in taken), str(index)[-width:])
        taken.add(choice)
        short.append(choice)
    return tuple(short)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name)


def _fit(text: str, width: int) -> str:
    kept = ""
    for character in text:
        if cell_len(kept + character) > width:
            break
        kept += character
    return kept


def _spellings(name: str, width: int) -> Iterator[str]:
    """The beginning; the first word with the beginnings of the others; then letters ever further apart."""
    letters = _letters(name)
    if not letters:
        return
    yield _fit(letters, width)
    words = [word for word in re.split(r"[\W_]+", name) if word]
    if len(words) > 1:
        yield _fit(words[0], max(1, width - len(words) + 1)) + "".join(word[0] for word in words[1:width])
    rest = itertools.combinations(range(1, len(letters)), width - 1)
    for positions in itertools.islice(rest, _MAX_COMBINATIONS):
        yield letters[0] + "".join(letters[position] for position in positions)


def _numbered(index: int, width: int) -> Iterator[str]:
    yield from (text for text in (f"#{index}", str(index)) if len(text) <= width)
    yield from (f"{n:0{width}}" for n in range(10 ** min(width, 4)))
