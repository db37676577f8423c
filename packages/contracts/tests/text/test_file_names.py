"""Names of files: whatever was typed, the result is one visible component of a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.text import FILE_NAME_MAX, clean_file_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("a/b\\c.txt", "c.txt"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        (".", "file"),
        ("...a...", "a"),
        ("x" * 300 + ".tar", "x" * 196 + ".tar"),
        ("x" * 300, "x" * 200),
    ],
)
def test_examples(typed: str, name: str) -> None:
    assert clean_file_name(typed) == name


@given(st.text(max_size=400))
def test_any_text_becomes_a_safe_name(typed: str) -> None:
    name = clean_file_name(typed)
    assert 0 < len(name) <= FILE_NAME_MAX
    assert not set('/\\<>:"|?*\r\n\0') & set(name)
    assert name not in {".", ".."}
    assert clean_file_name(name) == name
