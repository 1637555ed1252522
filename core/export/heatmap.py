"""Confusion matrices as inline SVG, and the colours for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from core.export.words import plain_name

LEVELS = 10
_MANY = 40
"""With more classes the cells are too small for numbers and names."""
_NOTED_SHARE = 0.03
"""Of many cells, those from here on tell what they are under the mouse: all of them would be megabytes."""


def heatmap(
    counts: NDArray[np.int64], names: Sequence[str], title: str, groups: Sequence[tuple[str, int]] = ()
) -> Markup:
    """A confusion matrix; each cell's colour is its share of its row.

    Right answers have a colour of their own, from 0 to 100%; wrong ones go to the greatest share there is.

    Args:
        counts: K×K; rows actual, columns predicted.
        names: of the classes.
        title: for who cannot see it.
        groups: names and sizes of consecutive classes, drawn apart and named instead of the classes.
    """
    num_classes = len(names)
    support = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(support, 1)
    many = num_classes > _MANY
    cell = 7 if many else max(22, min(48, 560 // num_classes))
    labels = [plain_name(name) for name in names]
    rows = [plain_name(name) for name, _ in groups] or ([] if many else labels)
    left = 16 + min(220, 7 * max((len(name) for name in rows), default=0))
    top = 8 if many else 16 + min(116, round(4.8 * max(map(len, labels), default=0)))
    side = cell * num_classes
    size = (left + side + (8 if many else 40), top + side + 8)
    levels = level_of(shares)
    draw = _many_cells if many else _cells
    parts = [
        f'<svg class="heatmap" style="--natural:{size[0]}px" viewBox="0 0 {size[0]} {size[1]}" role="img" '
        f'aria-label="{escape(title)}"><g transform="translate({left} {top})">',
        f'<rect class="h0" width="{side}" height="{side}"/>',
        *draw(counts, shares, levels, labels, cell),
    ]
    parts += _groups(groups, cell, side) if groups else [] if many else _names(labels, cell)
    parts.append("</g></svg>")
    return Markup("".join(parts))


def level_of(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """0 … LEVELS for each cell; off the diagonal such that small shares can be told from none."""
    off = shares.copy()
    np.fill_diagonal(off, 0)
    scale = max(0.02, float(off.max(initial=0)))
    levels = np.ceil(LEVELS * (off / scale) ** 0.7 - 1e-9)
    np.fill_diagonal(levels, np.ceil(LEVELS * np.diagonal(shares) - 1e-9))
    return np.asarray(levels, np.int64)


def _cells(
    counts: NDArray[np.int64], shares: NDArray[np.float64], levels: NDArray[np.int64], labels: list[str], cell: int
) -> list[str]:
    parts = []
    # Where hardly anything is wrong, whole percents would all be 0.
    digits = 1 if shares[~np.eye(len(shares), dtype=bool)].max(initial=0) < 0.03 else 0
    for row, column in np.argwhere(counts > 0).tolist():
        kind = f"{'d' if row == column else 'h'}{levels[row, column]}"
        percent = f"{100 * shares[row, column]:.{digits}f}"
        parts.append(
            f"<g><title>{_sentence(counts, shares, labels, row, column)}</title>"
            f'<rect class="{kind}" x="{column * cell}" y="{row * cell}" width="{cell - 1}" height="{cell - 1}" rx="2"/>'
        )
        if float(percent):
            x, y = column * cell + (cell - 1) / 2, row * cell + cell / 2 + 3.5
            parts.append(f'<text class="on-{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{percent}</text>')
        parts.append("</g>")
    return parts


def _many_cells(
    counts: NDArray[np.int64], shares: NDArray[np.float64], levels: NDArray[np.int64], labels: list[str], cell: int
) -> list[str]:
    parts = []
    on_diagonal = np.eye(len(counts), dtype=bool)
    for prefix, where in (("h", ~on_diagonal), ("d", on_diagonal)):
        for level in range(1, LEVELS + 1):
            cells = np.argwhere(where & (levels == level)).tolist()
            squares = "".join(f"M{column * cell} {row * cell}h{cell}v{cell}h-{cell}z" for row, column in cells)
            if squares:
                parts.append(f'<path class="{prefix}{level}" d="{squares}"/>')
    for row, column in np.argwhere((shares >= _NOTED_SHARE) | on_diagonal).tolist():
        parts.append(
            f'<rect class="note" x="{column * cell}" y="{row * cell}" width="{cell}" height="{cell}">'
            f"<title>{_sentence(counts, shares, labels, row, column)}</title></rect>"
        )
    return parts


def _sentence(
    counts: NDArray[np.int64], shares: NDArray[np.float64], labels: list[str], row: int, column: int
) -> Markup:
    what = "recognised" if row == column else f"taken for {labels[column]}"
    return escape(f"{labels[row]} {what}: {counts[row, column]} of {counts[row].sum()} ({shares[row, column]:.1%})")


def _names(labels: list[str], cell: int) -> list[str]:
    parts = []
    for index, label in enumerate(labels):
        middle = index * cell + cell / 2
        parts.append(f'<text x="-8" y="{middle + 4:.1f}" text-anchor="end">{escape(shortened(label))}</text>')
        parts.append(f'<text transform="translate({middle:.1f} -8) rotate(-42)">{escape(shortened(label, 24))}</text>')
    return parts


def _groups(groups: Sequence[tuple[str, int]], cell: int, side: int) -> list[str]:
    parts, start = [], 0
    for name, size in groups:
        begin, middle = start * cell, (start + size / 2) * cell
        if start:
            parts.append(f'<path class="rule" d="M0 {begin}H{side}M{begin} 0V{side}"/>')
        parts.append(
            f'<text x="-8" y="{middle + 4:.1f}" text-anchor="end">{escape(shortened(plain_name(name)))}</text>'
        )
        start += size
    return parts


def shortened(text: str, length: int = 31) -> str:
    """At most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


# The ramps of the dashboard's default palette (tui.render.ramps), for light and for dark: wrong answers, right answers.
_RAMPS = {
    "light": {
        "h": ("#f3f2ee", "#fbdfa6", "#f0ad3c", "#c86a00", "#7a3300"),
        "d": ("#f3f2ee", "#bcdcf0", "#67b2e0", "#1f7fbd", "#00436e"),
    },
    "dark": {
        "h": ("#1e2128", "#4a3416", "#96600c", "#e69f00", "#fbe87a"),
        "d": ("#1e2128", "#17374f", "#1b5f8f", "#3a95cf", "#9ad8ff"),
    },
}


def ramp_css(theme: str) -> str:
    """Custom properties `--h0` … `--d10` with the colours, and `--on-h0` … with what can be read on them."""
    parts = []
    for prefix, stops in _RAMPS[theme].items():
        for level in range(LEVELS + 1):
            color = _between(stops, level / LEVELS)
            ink = "#000" if _luminance(color) > 0.179 else "#fff"  # there black and white have the same contrast
            parts.append(f"--{prefix}{level}:#{color[0]:02x}{color[1]:02x}{color[2]:02x};--on-{prefix}{level}:{ink};")
    return "".join(parts)


def level_css() -> str:
    """The classes that use them."""
    names = [f"{prefix}{level}" for prefix in ("h", "d") for level in range(LEVELS + 1)]
    return "".join(f".{name}{{fill:var(--{name})}}.on-{name}{{fill:var(--on-{name})!important}}" for name in names)


def _between(stops: Sequence[str], share: float) -> tuple[int, int, int]:
    position = share * (len(stops) - 1)
    index = min(math.floor(position), len(stops) - 2)
    low, high = (bytes.fromhex(stops[index + offset][1:]) for offset in (0, 1))
    red, green, blue = (round(a + (b - a) * (position - index)) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _luminance(color: tuple[int, int, int]) -> float:
    """Relative luminance as in WCAG 2.1."""
    parts = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
