"""Which lines of a log are errors."""

import pytest

from tests.faults.verification.process_stats import error_in

LINE = '{{"time": "2026-11-25T03:34:08.541Z", "level": "{}", "logger": "chat", "message": "{}"}}'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINE.format("info", "ready"), None),
        (LINE.format("warning", "the broker is gone"), None),
        (LINE.format("error", "it broke"), "chat: it broke"),
        (LINE.format("critical", "it died"), "chat: it died"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("opsroom-chat: no NATS server answered", "opsroom-chat: no NATS server answered"),
        ("", None),
    ],
)
def test_errors_and_what_is_no_line_of_a_log_are_complaints(line: str, words: str | None) -> None:
    assert error_in(line) == words
