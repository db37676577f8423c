"""What people typed stays one line of the log."""

import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_messaging.log_lines import OneLineFormatter

FORGED = "x\n2026-11-24 00:00:00,000 INFO    opsroom_chat: all is well"


def record(name: str) -> logging.LogRecord:
    """What a logger makes of a message with a name in it."""
    return logging.LogRecord("test", logging.INFO, "", 0, "%s came", (name,), None)


@given(st.text())
def test_no_text_makes_a_second_line_or_moves_anything(text: str) -> None:
    shown = OneLineFormatter().format(record(text))
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("\x1b\r\n\x07\u202e\u2028\x85")


@pytest.mark.parametrize("bad", [FORGED, "\x1b[2Jgone", "a\rb", "\u202eevil", "a\u2028b", "\x85"])
def test_a_forged_line_is_spelled_out(bad: str) -> None:
    assert len(OneLineFormatter().format(record(bad)).splitlines()) == 1


def test_a_traceback_keeps_its_lines_and_none_begins_like_the_logs() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        lines = OneLineFormatter("%(message)s").format(
            logging.LogRecord("test", logging.ERROR, "", 0, "failed", (), sys.exc_info())
        )
    first, *rest = lines.splitlines()
    assert first == "failed"
    assert rest
    assert all(line.startswith("  ") for line in rest)
