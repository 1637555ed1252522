"""Text from outside (class names, run names, errors) made harmless and given a width."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

# Whole escape sequences go, not just their ESC: what is left of "\x1b[31mred" should read "red" and not "[31mred".
# CSI; strings (DCS, SOS, OSC, PM, APC) up to BEL or ST, or to the end where they never close; other two-character ones.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile(r"\s+")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls; formats (bidi overrides, joiners, tags); lone surrogates; private; unassigned; line separators."""
_EMOJI_MODIFIERS = frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)]))
"""Style selectors and skin tones: terminals disagree on the width of what they follow."""
_MAX_MARKS = 2  # Vietnamese and Thai stack two marks on a letter; "Zalgo" text stacks dozens, over its neighbours

_SPELLINGS = str.maketrans(
    dict(zip("●○◆★▲▼│┤├┬┴┼└┘┌┐─━┈╌╎·✓✗×–—−‘’“”", "oO@@^v|+++++++++--.-:.+xx---''\"\"", strict=True))
    | {"…": "..", "→": "->", "←": "<-", "µ": "u", "Δ": "d"}
)


def safe(text: str, max_cells: int | None = None, *, ascii: bool = False) -> str:
    """One line of `text` with nothing in it that moves the cursor, changes colours, turns direction or hides.

    Runs of white space become one space. With `max_cells` the result is at most that many terminal cells wide and a cut
    is shown by `…` (`..` in ASCII). With `ascii` whatever has no ASCII spelling becomes `?`.
    The result is plain text, never markup: hand it to `rich.text.Text`, not to a markup parser.
    """
    if max_cells is not None:
        text = text[: 16 * max_cells + 4096]  # an error of 100 MB must not cost a normalisation of 100 MB
    text = _SPACES.sub(" ", _ESCAPES.sub("", text)).strip()
    if not text.isascii() or not text.isprintable():
        text = _clean(unicodedata.normalize("NFC", text), ascii)
    if max_cells is None or cell_len(text) <= max_cells:
        return text
    ellipsis = (".." if ascii else "…")[: max(max_cells, 0)]
    return set_cell_size(text, max(max_cells, 0) - len(ellipsis)).rstrip() + ellipsis


def _clean(text: str, ascii: bool) -> str:
    kept: list[str] = []
    num_marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in _DROPPED or character in _EMOJI_MODIFIERS:
            continue
        if category in ("Mn", "Me", "Mc"):
            num_marks += 1
            if num_marks > _MAX_MARKS or not kept:
                continue
        else:
            num_marks = 0
        kept.append(character)
    text = "".join(kept)
    if ascii:
        text = to_ascii(text)
    return _SPACES.sub(" ", text).strip()


def to_ascii(text: str) -> str:
    """Our own signs and letters with accents in ASCII, anything else as `?`. Line drawing keeps its width."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_SPELLINGS))
    return "".join(c if c.isascii() else "?" for c in plain if unicodedata.category(c) not in ("Mn", "Me"))


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text`, already safe, cut or padded to exactly `width` cells; with `right` it is flush right."""
    length = cell_len(text)
    if length >= width:
        return set_cell_size(text, width)
    return " " * (width - length) + text if right else text + " " * (width - length)


def wrap(text: str, width: int) -> list[str]:
    """Pieces of at most `width` cells, broken at spaces where there are some."""
    pieces: list[str] = []
    rest = text
    while cell_len(rest) > width > 0:
        cut = len(rest)
        while cell_len(rest[:cut]) > width:
            cut -= max((cell_len(rest[:cut]) - width) // 2, 1)
        space = rest.rfind(" ", max(cut - 20, 1), cut + 1)
        cut = max(space if space > 0 else cut, 1)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest]
