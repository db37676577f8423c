"""The check of a log's order: every line is there or reported as lost."""

import pytest

from bench.generators.log_readers import LogReader


def event(*numbers: int, skipped: int = 0) -> bytes:
    """Return an event of the gateway with lines of the simulated provider."""
    lost = f'"skipped":{skipped},' if skipped else ""
    lines = ",".join(f'{{"text":"tick {number}","source":"stdout"}}' for number in numbers)
    return f'event: log\ndata: {{"seq":1,{lost}"lines":[{lines}]}}\n\n'.encode()


@pytest.mark.parametrize(
    ("events", "lines", "skipped", "unreported"),
    [
        ((event(1, 2), event(3)), 3, 0, 0),
        ((event(1), event(5, skipped=3)), 2, 3, 0),
        ((event(1), event(5)), 2, 0, 3),
        ((event(1), event(5, skipped=2)), 2, 2, 1),
        ((event(1), event(5, skipped=4)), 2, 4, 1),
        ((event(1, 2), event(2, 3)), 4, 0, 1),
        ((event(1, 4), event(5)), 3, 0, 2),
    ],
)
def test_lines_that_are_neither_there_nor_reported_are_counted(
    events: tuple[bytes, ...], lines: int, skipped: int, unreported: int
) -> None:
    reader = LogReader()
    for each in events:
        reader.take(bytearray(each))
    assert (reader.lines, reader.skipped, reader.unreported) == (lines, skipped, unreported)


def test_an_event_may_arrive_in_pieces() -> None:
    reader, data = LogReader(), bytearray()
    for piece in (event(1, 2)[:20], event(1, 2)[20:] + event(3)[:5], event(3)[5:]):
        data += piece
        reader.take(data)
    assert (reader.lines, reader.unreported, bytes(data)) == (3, 0, b"")


def test_the_end_of_a_stream_is_noticed() -> None:
    reader = LogReader()
    reader.take(bytearray(b"event: end\ndata: {}\n\n"))
    assert reader.ended
