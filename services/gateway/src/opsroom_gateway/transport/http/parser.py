"""A parser of HTTP/1.1 requests with a limit on everything that is not body, on httptools."""

import logging
from enum import Enum, auto
from typing import Protocol

import httptools

from opsroom_gateway.transport.http.request_head import RequestHead

PIECE_BYTES = 4096
"""How much to parse at once. The limit holds after each piece."""
HEADERS_MAX = 128
"""The maximum number of headers. Many tiny ones would fit into the limit of bytes, and each takes memory that
the garbage collector walks through."""
_CHUNK_FRAMING_BYTES = 5
"""The least that frames a chunk, ``1 CRLF`` and ``CRLF``. It does not count towards the limit."""

log = logging.getLogger("uvicorn.error")


class RequestHandler(Protocol):
    """What the parser calls. An exception in ``on_headers`` makes the request invalid."""

    def on_begin(self) -> None:
        """A request begins."""

    def on_headers(self, head: RequestHead) -> None:
        """All headers have arrived, and they don't ask for a WebSocket."""

    def on_body(self, body: bytes) -> None:
        """A part of the body has arrived."""

    def on_end(self) -> None:
        """The whole request has arrived."""


class Parsed(Enum):
    """The result of parsing a piece. Every result except ``REQUESTS`` ends the parsing."""

    REQUESTS = auto()
    WEBSOCKET = auto()
    INVALID = auto()
    TOO_LARGE = auto()


class RequestParser:
    """Calls ``handler`` with the parts of requests.

    ``limit``: how many bytes of a request may be something else than its body: request line, headers, chunk
    extensions and trailers. Trailers are dropped.
    """

    __slots__ = ("_handler", "_limit", "_overhead", "_parser", "_too_large", "fault", "head", "in_request")

    def __init__(self, handler: RequestHandler, limit: int) -> None:
        self._handler = handler
        self._limit = limit
        self._overhead = 0
        """Received bytes of the request that are not its body."""
        self._too_large = False
        self.head = RequestHead()
        """The head of the newest request."""
        self.fault: str | None = None
        """What is wrong with its headers."""
        self.in_request = False
        """Whether a request was received in part."""
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        # Without it, bytes after a request with "Connection: close" would make that request invalid.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def parse(self, piece: memoryview) -> Parsed:
        """Parse a piece of up to ``PIECE_BYTES`` bytes."""
        if self._parser is None:
            return Parsed.REQUESTS
        self._overhead += len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            return self._upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError:
            return Parsed.INVALID
        if self._too_large or self._overhead > self._limit:
            return Parsed.TOO_LARGE
        return Parsed.REQUESTS

    def close(self) -> None:
        """Parse nothing more, and free the parser, which refers to this object."""
        self._parser = None

    # The callbacks of httptools.

    def on_message_begin(self) -> None:
        """A request begins."""
        self.in_request = True
        self.head = RequestHead()
        self._handler.on_begin()

    def on_url(self, target: bytes) -> None:
        """A part of the request target."""
        self.head.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer."""
        if self.head.complete:
            return
        if len(self.head.headers) == HEADERS_MAX:
            self._too_large = True
        else:
            self.head.add(name, value)

    def on_headers_complete(self) -> None:
        """The end of the headers."""
        parser, head = self._parser, self.head
        if parser is None:
            return
        head.complete = True
        self._too_large = self._too_large or head.size + len(head.target) > self._limit
        if self._too_large:
            return  # before anything is done about the request
        head.method = parser.get_method().decode("ascii")
        head.version = parser.get_http_version()
        self.fault = head.fault()
        if self.fault is not None:
            raise ValueError(self.fault)  # which makes the request invalid
        head.keep_alive = head.version != "1.0" and parser.should_keep_alive()
        if parser.should_upgrade():
            if head.wants_websocket:
                return
            head.keep_alive = head.keep_alive and not head.has_body
        self._handler.on_headers(head)

    def on_chunk_header(self) -> None:
        """The begin of a chunk."""
        self._overhead -= _CHUNK_FRAMING_BYTES

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._overhead -= len(body)
        self._handler.on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self.in_request = False
        self._overhead = 0
        self._handler.on_end()

    def _upgrade(self, rest: memoryview) -> Parsed:
        """Return what the head of a request with an upgrade leads to. ``rest``: what follows it."""
        if self._too_large:
            return Parsed.TOO_LARGE
        return Parsed.WEBSOCKET if self.head.wants_websocket else self._decline_upgrade(rest)

    def _decline_upgrade(self, rest: memoryview) -> Parsed:
        """Parse what follows a request whose upgrade is ignored.

        httptools does not parse the body of such a request. It must not count as the next request.
        """
        log.warning("Unsupported upgrade request.")
        if self.head.has_body:
            self.close()
        return self.parse(rest)
