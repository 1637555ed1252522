"""The two themes, and how drawings look on the terminal at hand."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

DARK = Theme(
    name="cifar-dark",
    primary="#56b4e9",
    secondary="#8a94a3",
    accent="#f0e442",
    warning="#f0e442",
    error="#ff7b39",
    success="#2fc59a",
    foreground="#d8dee6",
    background="#111318",
    surface="#181b21",
    panel="#20242c",
    dark=True,
    variables={"block-cursor-background": "#2b5c7d", "block-cursor-foreground": "#ffffff", "border": "#56b4e9"},
)
LIGHT = Theme(
    name="cifar-light",
    primary="#1060c0",
    secondary="#5d6673",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#c02a00",
    success="#00875f",
    foreground="#1d232b",
    background="#fbfbf9",
    surface="#f1f2f0",
    panel="#e6e8e6",
    dark=False,
    variables={"block-cursor-background": "#bcdcf0", "block-cursor-foreground": "#000000", "border": "#1060c0"},
)
PLAIN = "ansi-dark"
"""Textual's theme of the terminal's own colours, for NO_COLOR."""


class AsciiFilter(LineFilter):
    """The last resort of `--ascii`: whatever a widget still draws beyond ASCII becomes something like it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in ASCII."""
        return [
            segment if segment.text.isascii() else Segment(to_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


_LIKE = {
    "-": "─━╌┄┈–—−╴╶▔", "|": "│┃╎┆▏▎▍▌▋▊▉▕┊", "+": "╭╮╰╯┌┐└┘├┤┬┴┼✓", "_": "▁▂▃", "=": "▄▅▆", "#": "▇█■▀", ":": "░▒▓",
    "o": "●○◌◎", "*": "★◆❄", "!": "‖", "^": "▲↑▴", "v": "▼↓▾", "x": "✗×", ".": "·…", ">": "→▶▸", "<": "←◀◂", "d": "Δ",
    "'": "’‘", '"': "“”", "e": "⎋", "i": "ⓘ",
}  # fmt: skip
_TABLE = {ord(character): plain for plain, characters in _LIKE.items() for character in characters}


def to_ascii(text: str) -> str:
    """Each character as an ASCII one of the same width; those that resemble none as `?`."""
    translated = text.translate(_TABLE)
    if translated.isascii():
        return translated
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in translated)
