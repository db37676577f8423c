"""Logs are split into the same lines, however the bytes arrive."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from opsroom_agent.providers.docker.lines import LogParser, just_after
from opsroom_contracts.agents.protocol import LINE_MAX, LogLine, LogSource

TIME = "2026-11-30T04:16:42.123456789Z"
TEXTS = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=50)


def frame(source: int, text: str) -> bytes:
    """One line as the engine frames it."""
    data = f"{TIME} {text}\n".encode()
    return bytes((source, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


def parse(data: bytes, cuts: list[int], *, tty: bool = False) -> list[LogLine]:
    """Feed ``data``, cut at these places."""
    parser = LogParser(tty=tty)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    lines = [line for start, end in pairwise(edges) for line in parser.feed(data[start:end])]
    return [*lines, *parser.end()]


@given(st.lists(st.tuples(st.sampled_from([1, 2]), TEXTS), max_size=20), st.lists(st.integers(0, 5000)))
def test_frames_arrive_in_any_pieces(written: list[tuple[int, str]], cuts: list[int]) -> None:
    lines = parse(b"".join(frame(source, text) for source, text in written), cuts)
    sources = {1: LogSource.STDOUT, 2: LogSource.STDERR}
    assert [(line.source, line.text) for line in lines] == [(sources[one], text) for one, text in written]
    assert all(line.at is not None and line.at.year == 2026 for line in lines)


@given(st.lists(TEXTS, max_size=20), st.lists(st.integers(0, 5000)))
def test_a_terminal_has_no_frames(written: list[str], cuts: list[int]) -> None:
    data = b"".join(f"{TIME} {text}\r\n".encode() for text in written)
    assert [line.text for line in parse(data, cuts, tty=True)] == written


@given(st.binary(max_size=500), st.booleans())
def test_no_bytes_are_too_strange(data: bytes, tty: bool) -> None:
    for line in parse(data, [], tty=tty):
        assert len(line.text) <= LINE_MAX


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    lines = parse(frame(1, "x" * 1_000_000) + frame(1, "next"), list(range(0, 1_000_000, 4096)))
    assert [len(line.text) for line in lines] == [LINE_MAX, 4]


def test_a_log_goes_on_just_after_its_last_line() -> None:
    assert just_after(TIME.encode()) == "1796012202.123456790"
    assert just_after(b"2026-11-30T04:16:42Z") == "1796012202.000000001"
    assert just_after(b"yesterday") is None
