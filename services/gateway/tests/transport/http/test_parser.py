"""The parser of requests: what it passes on, and what it limits."""

import pytest

from opsroom_gateway.transport.http.parser import HEADERS_MAX, PIECE_BYTES, Parsed, RequestParser
from opsroom_gateway.transport.http.request_head import RequestHead

LIMIT = 8192
CHUNKED = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Recorder:
    """Records what the parser calls."""

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.body = b""
        self.ends = 0

    def on_begin(self) -> None:
        """A request begins."""

    def on_headers(self, head: RequestHead) -> None:
        """All headers have arrived."""
        self.heads.append(head)

    def on_body(self, body: bytes) -> None:
        """A part of the body has arrived."""
        self.body += body

    def on_end(self) -> None:
        """The request has arrived."""
        self.ends += 1


def parse(data: bytes, piece: int = PIECE_BYTES, *, limit: int = LIMIT) -> tuple[Recorder, Parsed]:
    """Parse ``data`` in pieces. Returns what was called, and the last result."""
    recorder = Recorder()
    parser = RequestParser(recorder, limit)
    view = memoryview(data)
    for start in range(0, len(data), piece):
        parsed = parser.parse(view[start : start + piece])
        if parsed is not Parsed.REQUESTS:
            return recorder, parsed
    return recorder, Parsed.REQUESTS


def chunks(*sizes: int, extension: bytes = b"") -> bytes:
    """Return chunks of ``sizes`` bytes, without the last chunk."""
    return b"".join(b"%x%b\r\n%b\r\n" % (size, extension, b"x" * size) for size in sizes)


@pytest.mark.parametrize("piece", [1, 7, PIECE_BYTES])
def test_a_request_is_passed_on_in_pieces_of_any_size(piece: int) -> None:
    data = CHUNKED + chunks(5, 300) + b"0\r\n\r\n" + b"GET /y?a=1 HTTP/1.0\r\nX-One: 1\r\n\r\n"
    recorder, parsed = parse(data, piece)
    assert parsed is Parsed.REQUESTS
    assert [(head.method, head.target, head.version) for head in recorder.heads] == [
        ("POST", b"/x", "1.1"),
        ("GET", b"/y?a=1", "1.0"),
    ]
    assert recorder.heads[1].headers == [(b"x-one", b"1")]
    assert (len(recorder.body), recorder.ends) == (305, 2)


def test_a_body_in_chunks_of_one_byte_is_within_the_limit() -> None:
    recorder, parsed = parse(CHUNKED + chunks(*[1] * 65_536) + b"0\r\n\r\n")
    assert parsed is Parsed.REQUESTS
    assert (len(recorder.body), recorder.ends) == (65_536, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"x" * LIMIT,
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * LIMIT,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 12345678\r\n" * 800 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\r\n" * LIMIT,
        CHUNKED + b"0\r\n" + b"X-Trailer: 12345678\r\n" * 500,
        CHUNKED + b"0\r\nX-Trailer: " + b"x" * LIMIT,
        CHUNKED + b"1;" + b"x" * LIMIT,
        CHUNKED + chunks(*[1] * 200, extension=b";a=" + b"x" * 60),
    ],
    ids=["target", "header", "headers", "empty lines", "trailers", "trailer", "extension", "extensions"],
)
def test_bytes_that_are_not_body_are_limited(data: bytes) -> None:
    assert parse(data)[1] is Parsed.TOO_LARGE


def test_a_request_with_too_large_headers_is_not_passed_on() -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * LIMIT + b"\r\n\r\n"
    for piece in (LIMIT * 2, PIECE_BYTES):
        recorder, parsed = parse(data, piece)
        assert (recorder.heads, parsed) == ([], Parsed.TOO_LARGE)


HANDSHAKE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("first", "expected"),
    [(b"GET / HTTP/1.1\r\nHost: x\r\n", Parsed.REQUESTS), (HANDSHAKE, Parsed.WEBSOCKET)],
    ids=["request", "handshake"],
)
def test_the_number_of_headers_is_limited(first: bytes, expected: Parsed) -> None:
    """Each takes memory, however small it is."""
    room = HEADERS_MAX - first.count(b": ")
    for piece in (LIMIT * 2, PIECE_BYTES, 50):
        _, parsed = parse(first + b"a:b\r\n" * room + b"\r\n", piece, limit=LIMIT * 8)
        assert parsed is expected
        recorder, parsed = parse(first + b"a:b\r\n" * (room + 1) + b"\r\n", piece, limit=LIMIT * 8)
        assert (recorder.heads, parsed) == ([], Parsed.TOO_LARGE)


@pytest.mark.parametrize("size", [LIMIT, 2 * LIMIT])
def test_a_handshake_with_too_large_headers_is_refused(size: int) -> None:
    assert parse(HANDSHAKE + b"X: " + b"x" * size + b"\r\n\r\n", 4 * LIMIT)[1] is Parsed.TOO_LARGE


def test_each_request_has_its_own_limit() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (LIMIT // 2) + b"\r\n\r\n"
    recorder, parsed = parse(request * 9)
    assert (len(recorder.heads), parsed) == (9, Parsed.REQUESTS)


def test_trailers_are_not_headers() -> None:
    recorder, _ = parse(CHUNKED + b"0\r\nX-Role: admin\r\n\r\n")
    assert recorder.ends == 1
    assert b"x-role" not in dict(recorder.heads[0].headers)


def test_an_upgrade_to_websocket_ends_the_parsing() -> None:
    upgrade = b"Connection: keep-alive\r\nConnection: x, UPGRADE\r\nUpgrade: WebSocket\r\n"
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n"
    recorder, parsed = parse(head)
    assert (recorder.heads, parsed) == ([], Parsed.WEBSOCKET)


UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"


def test_another_upgrade_is_ignored() -> None:
    data = b"GET /1 HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n" + b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n"
    recorder, parsed = parse(data)
    assert parsed is Parsed.REQUESTS
    assert [head.target for head in recorder.heads] == [b"/1", b"/2"]
    assert all(head.keep_alive for head in recorder.heads)


def test_the_body_of_a_request_with_another_upgrade_is_no_request() -> None:
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    data = b"POST /1 HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for piece in (len(data) - len(body), PIECE_BYTES):
        recorder, _ = parse(data, piece)
        assert [head.target for head in recorder.heads] == [b"/1"]
        assert not recorder.heads[0].keep_alive


@pytest.mark.parametrize("around", [b"", b" ", b"   ", b"\t", b" \t "])
def test_whitespace_around_a_value_does_not_belong_to_it(around: bytes) -> None:
    values = [b"k", b"two words", b"a\tb", b""]
    lines = b"".join(b"X-%d:%b%b%b\r\n" % (n, around, value, around) for n, value in enumerate(values))
    expects = b"Expect:%b100-Continue%b\r\n" % (around, around)
    recorder, parsed = parse(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + expects + b"\r\n")
    assert parsed is Parsed.REQUESTS
    (head,) = recorder.heads
    assert [value for name, value in head.headers if name.startswith(b"x-")] == values
    assert head.expects_continue


def test_whitespace_around_the_values_of_a_handshake_does_not_belong_to_them() -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: \t websocket  \r\nConnection:  Upgrade\t\r\n\r\n"
    _, parsed = parse(data)
    assert parsed is Parsed.WEBSOCKET
