"""Truncated and escaped text."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.text import clip, visible
from packages.contracts.tests.text.shared_cases import cases

EMOJI = st.sampled_from(["a", " ", "👨\u200d👩\u200d👧", "e\u0301", "🇩🇪", "क्षि", "❤️", "\r\n"])


@pytest.mark.parametrize(("text", "limit", "kept"), cases("clip"))
def test_text_is_cut_between_graphemes(text: str, limit: int, kept: str) -> None:
    assert clip(text, limit) == kept


@given(st.lists(EMOJI, max_size=12).map("".join), st.integers(1, 30))
def test_a_clipped_text_is_the_longest_beginning_of_whole_graphemes(text: str, limit: int) -> None:
    kept = clip(text, limit)
    assert len(kept) <= limit
    assert clip(kept, limit) == kept
    graphemes = regex.findall(r"\X", text)
    if len(graphemes[0] if graphemes else "") <= limit:
        count = len(regex.findall(r"\X", kept))
        assert "".join(graphemes[:count]) == kept
        assert count == len(graphemes) or len("".join(graphemes[: count + 1])) > limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode 🙂", "plain, ünïcode 🙂"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J\x9b1m\x07", "\\x1b[2J\\x9b1m\\x07"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028\ud800", "\\u2028\\ud800"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_visible_text_is_one_line_without_control_characters(text: str, shown: str) -> None:
    assert visible(text) == shown
