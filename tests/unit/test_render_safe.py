"""Text from outside is harmless and has a known width."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.render.safe import pad, safe, to_ascii

ANY_TEXT = st.text(st.characters(), max_size=60)
ESCAPES = ["\x1b[31m", "\x1b]8;;http://x\x07", "\x1b]52;c;eA==\x1b\\", "\x9b2J", "\u202e", "\u200b", "\u200d", "\ufeff"]
CONTROLS = ["\n", "\r", "\t", "\x00", "\x07", "\ud800", "\ue000"]
HARMLESS = ["猫", "é", "e\u0301", "👩", "🏻", "🇩🇪", "cat", " ", "[red]"]
NASTY_TEXT = st.lists(st.sampled_from([*ESCAPES, *CONTROLS, *HARMLESS]), max_size=20).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "cat"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mrgb", "rgb"),
        ("\x9b31mC1", "C1"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJm\x07copied", "copied"),
        ("\x1b]0;title that never closes", ""),
        ("\x1bPdevice\x1b\\control", "control"),
        ("\x1b\x1b[2J", ""),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2066b\u2069c", "abc"),
        ("zero\u200bwidth\u200d\ufeff", "zerowidth"),
        ("two\nlines\r\n\tand  tabs", "two lines and tabs"),
        ("line\u2028separator\x85", "line separator"),
        ("bell\x07 null\x00 back\x08space", "bell null backspace"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("[bold red]not markup[/]", "[bold red]not markup[/]"),
        ("e\u0301", "é"),
        ("Z\u0300\u0301\u0302\u0303\u0304\u0305", "Z\u0300\u0301"),
        ("\u0301accent", "accent"),
        ("猫 und 👩‍👩‍👧", "猫 und 👩👩👧"),
        ("❤\ufe0f", "❤"),
        ("", ""),
    ],
)
def test_hostile_text_becomes_harmless(text: str, expected: str) -> None:
    assert safe(text) == expected


@given(st.one_of(ANY_TEXT, NASTY_TEXT))
def test_nothing_that_controls_a_terminal_survives(text: str) -> None:
    result = safe(text)
    assert not {unicodedata.category(character) for character in result} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    result.encode("utf-8")  # no lone surrogates
    assert safe(result) == result


@given(st.one_of(ANY_TEXT, NASTY_TEXT), st.integers(0, 30), st.booleans())
def test_a_cut_text_is_never_wider_than_asked(text: str, width: int, ascii: bool) -> None:
    result = safe(text, width, ascii=ascii)
    assert cell_len(result) <= width
    if ascii:
        assert result.isascii()


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("x" * 300, 10, "xxxxxxxxx…"),
        ("automobile", 10, "automobile"),
        ("automobile", 4, "aut…"),
        ("two words", 5, "two…"),
        ("猫猫猫", 4, "猫…"),
        ("cat", 1, "…"),
        ("cat", 0, ""),
    ],
)
def test_a_cut_is_shown(text: str, width: int, expected: str) -> None:
    assert safe(text, width) == expected


def test_a_cut_in_ascii_is_shown_by_two_dots() -> None:
    assert safe("automobile", 6, ascii=True) == "auto.."


def test_letters_with_accents_have_an_ascii_spelling() -> None:
    assert safe("Büroklammer → ×2 猫", ascii=True) == "Buroklammer -> x2 ?"


@given(ANY_TEXT)
def test_ascii_is_ascii(text: str) -> None:
    assert to_ascii(text).isascii()


@given(ANY_TEXT, st.integers(0, 20), st.booleans())
def test_padded_text_has_exactly_the_width(text: str, width: int, right: bool) -> None:
    assert cell_len(pad(safe(text), width, right=right)) == width


def test_a_huge_text_costs_little() -> None:
    assert safe("a\x1b[0m" * 10_000_000, 20) == "a" * 19 + "…"
