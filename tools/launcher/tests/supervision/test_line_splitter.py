"""LineSplitter: the lines don't depend on the chunks."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_launcher.supervision.line_splitter import MAX_LINE_BYTES, LineSplitter


@given(st.lists(st.binary(max_size=40)))
def test_lines_do_not_depend_on_chunks(chunks: list[bytes]) -> None:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()
    whole = b"".join(chunks).split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert lines == [line.decode(errors="replace").rstrip("\r") for line in whole]


def test_line_without_end_is_given_out_in_bounded_pieces() -> None:
    splitter = LineSplitter()
    pieces = [piece for _ in range(100) for piece in splitter.feed(b"x" * 1000)]
    assert max(map(len, pieces)) <= MAX_LINE_BYTES
    assert len("".join(pieces)) >= 100_000 - MAX_LINE_BYTES
    assert "".join(pieces + splitter.end()) == "x" * 100_000


def test_empty_line_stays_a_line() -> None:
    assert LineSplitter().feed(b"a\n\nb\n") == ["a", "", "b"]
