"""Blank text, and what a reader sees."""

import pytest
import regex
import unicodedata2
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.text import is_blank
from opsroom_contracts.text.unicode import seen
from packages.contracts.tests.text.shared_cases import cases


@pytest.mark.parametrize("text", cases("blank"))
def test_text_without_a_visible_character_is_blank(text: str) -> None:
    assert is_blank(text)
    assert seen(text) == ""


@pytest.mark.parametrize("text", cases("visible"))
def test_text_with_a_visible_character_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@given(st.text(max_size=20), st.sampled_from(["", *cases("blank")]))
def test_blanks_around_a_text_change_nothing(text: str, blank: str) -> None:
    assert is_blank(blank + text + blank) == is_blank(text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Ann Lee", "Ann Lee"),
        ("A\u200bnn\u2060 \u202e Lee\ufe0f", "Ann Lee"),
        ("Ann\tLee\n", "Ann Lee"),
        ("x" * 40, "x" * 40),
    ],
)
def test_what_a_reader_sees_has_no_invisible_characters(raw: str, expected: str) -> None:
    assert seen(raw) == expected
    assert seen(expected) == expected


def test_every_character_without_a_glyph_is_blank() -> None:
    """Unicode says which: ignorable, control and format characters, but not the signs among the last."""
    without = regex.compile(
        r"[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}[\p{Cf}--\p{Prepended_Concatenation_Mark}]]",
        regex.V1,
    )
    named = regex.compile(r"(HIEROGLYPH|PATTERN) (FULL |HALF )?BLANK|OBJECT REPLACEMENT|NULL NOTEHEAD")
    blank = {char for char in map(chr, range(0x110000)) if is_blank(char)}
    expected = {
        char
        for char in map(chr, range(0x110000))
        if without.match(char) or named.search(unicodedata2.name(char, ""))
    }
    assert {ascii(char) for char in blank ^ expected} == set()
