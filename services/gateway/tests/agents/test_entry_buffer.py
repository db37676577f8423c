"""The buffer that readers of a log share: order, losses, tails and its bound, for any course of events."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.agents.entry_buffer import BUFFER_BYTES, Cursor, Entry, EntryBuffer

LIMIT = 3_000
MESSAGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), max_size=40)
"""The number of entries of each message, and how many the agent left out before them."""


class Source:
    """Puts numbered entries into a buffer; those that the agent left out have numbers, too."""

    def __init__(self, buffer: EntryBuffer) -> None:
        self.buffer = buffer
        self.next = 0
        self.kept: list[int] = []

    def put(self, seq: int, count: int, skipped: int) -> None:
        """Put one message."""
        first = self.next + skipped
        numbers = range(first, first + count)
        self.buffer.put(seq, [Entry(b"%d" % number) for number in numbers], skipped)
        self.next = first + count
        self.kept += numbers


def read_all(buffer: EntryBuffer, cursor: Cursor) -> list[tuple[int, list[int]]]:
    """Return all parts for a reader, each with what it has lost before it."""
    parts = []
    while (part := buffer.read(cursor)) is not None:
        parts.append((part.skipped, json.loads(b"[%s]" % part.json)))
    return parts


@given(MESSAGES, st.lists(st.integers(0, 40), max_size=5))
def test_a_reader_gets_every_entry_in_order_or_the_number_of_those_it_lost(
    messages: list[tuple[int, int]], reads_after: list[int]
) -> None:
    """Whenever it reads."""
    buffer = EntryBuffer(LIMIT)
    source, cursor, position = Source(buffer), Cursor(), 0
    for number, (count, skipped) in enumerate(messages):
        source.put(number + 1, count, skipped)
        if number in reads_after or number == len(messages) - 1:
            for lost, entries in read_all(buffer, cursor):
                position += lost
                assert entries == list(range(position, position + len(entries)))
                position += len(entries)
            assert position == source.next
    assert buffer.read(cursor) is None


@given(MESSAGES)
def test_the_buffer_stays_below_its_limit_and_knows_what_it_has(messages: list[tuple[int, int]]) -> None:
    buffer = EntryBuffer(LIMIT)
    source = Source(buffer)
    for number, (count, skipped) in enumerate(messages):
        source.put(number + 1, count, skipped)
        assert buffer.size <= LIMIT
    held = [entry for _, entries in read_all(buffer, Cursor()) for entry in entries]
    assert held == source.kept[len(source.kept) - len(held) :]
    assert buffer.count == len(held)
    assert buffer.complete or len(messages) > 1


@given(MESSAGES, st.integers(0, 100))
def test_a_tail_has_as_many_of_the_last_entries_as_there_are(
    messages: list[tuple[int, int]], count: int
) -> None:
    buffer = EntryBuffer(LIMIT)
    source = Source(buffer)
    for number, message in enumerate(messages):
        source.put(number + 1, *message)
    parts = read_all(buffer, buffer.tail(count))
    entries = [entry for _, part in parts for entry in part]
    held = [entry for _, part in read_all(buffer, Cursor()) for entry in part]
    assert entries == held[max(0, len(held) - count) :]
    if parts and parts[0][1]:
        assert parts[0][0] == 0  # nothing before the tail is lost


@given(st.lists(st.integers(0, 8), max_size=20), st.integers(-1, 100))
def test_a_reader_can_begin_at_a_time(messages: list[int], minute: int) -> None:
    start, number = datetime(2026, 11, 30, tzinfo=UTC), 0
    buffer = EntryBuffer(LIMIT)
    for seq, count in enumerate(messages):
        entries = [
            Entry(b"%d" % one, start + timedelta(minutes=one)) for one in range(number, number + count)
        ]
        buffer.put(seq + 1, entries)
        number += count
    held = [one for _, part in read_all(buffer, Cursor()) for one in part]
    got = [
        one for _, part in read_all(buffer, buffer.since(start + timedelta(minutes=minute))) for one in part
    ]
    assert got == [one for one in held if one >= minute]


def test_a_message_larger_than_the_limit_is_still_read() -> None:
    buffer = EntryBuffer(10)
    buffer.put(1, [Entry(b"1" * 100)])
    buffer.put(2, [Entry(b"2" * 100)])
    assert read_all(buffer, Cursor()) == [(1, [int("2" * 100)])]
    assert buffer.size < BUFFER_BYTES
