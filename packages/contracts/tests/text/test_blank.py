"""Blank text, and what a reader sees."""

import pytest
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
