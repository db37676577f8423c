"""One HTTP request and its response, as the ASGI application receives and sends them."""

import asyncio
import logging
import re
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope

from opsroom_gateway.transport.flow_control import FlowControl
from opsroom_gateway.transport.http.responses import CONTINUE, STATUS_LINES, Headers

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INVALID_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WITHOUT_BODY = frozenset({204, 304})

log = logging.getLogger("uvicorn.error")


class ExchangeConnection(Protocol):
    """The connection of an exchange."""

    flow: FlowControl

    def write(self, data: bytes) -> None:
        """Send bytes. They are dropped if the connection is closing."""

    def resume_reading(self) -> None:
        """Read more of the request."""

    def close(self) -> None:
        """Close after the bytes that were written."""

    def on_response_complete(self, exchange: "HttpExchange") -> None:
        """Called after the last byte of the response was written."""


class HttpExchange:
    """A request and its response. ``expects_continue``: the client waits for a 100 before it sends the body.

    The headers of the response are ``default_headers`` and those of the application.
    """

    __slots__ = (
        "_body",
        "_changed",
        "_chunked",
        "_connection",
        "_default_headers",
        "_disconnected",
        "_expects_continue",
        "_remaining",
        "_request_complete",
        "_response_complete",
        "keep_alive",
        "response_started",
        "scope",
        "started",
    )

    def __init__(
        self,
        connection: ExchangeConnection,
        scope: Scope,
        default_headers: Headers,
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        """Whether the connection stays open after the response."""
        self.started = False
        """Whether the application has been called."""
        self.response_started = False
        self._connection = connection
        self._default_headers = default_headers
        self._expects_continue = expects_continue
        self._body = bytearray()
        self._changed = asyncio.Event()
        self._request_complete = False
        self._response_complete = False
        self._disconnected = False
        self._chunked: bool | None = None
        self._remaining = 0
        """Bytes that the response still lacks according to its Content-Length."""

    def add_body(self, data: bytes) -> int:
        """Add received bytes of the body. Returns how many the application has not taken yet."""
        self._body += data
        self._changed.set()
        return len(self._body)

    def complete_request(self) -> None:
        """Record that the whole request was received."""
        self._request_complete = True
        self._changed.set()

    def disconnect(self) -> None:
        """Record that the client is gone: the application gets ``http.disconnect``, and sends nothing."""
        self._disconnected = True
        self._changed.set()

    async def run(self, app: ASGIApp) -> None:
        """Let ``app`` serve the request. An error, or a response that is missing, becomes a 500."""
        self.started = True
        try:
            await app(self.scope, self.receive, self.send)
        except (Exception, asyncio.CancelledError) as error:  # boundary: ends only this exchange
            log.error("Exception in ASGI application\n", exc_info=error)
            await self._fail()
        else:
            if not self._response_complete and not self._disconnected:
                log.error("ASGI callable returned without completing response.")
                await self._fail()

    async def receive(self) -> Message:
        """Wait for the next part of the body, or for the end of the exchange."""
        if self._expects_continue:
            self._expects_continue = False
            self._connection.write(CONTINUE)
        if not self._ended:
            self._connection.resume_reading()
            await self._changed.wait()
            self._changed.clear()
        if self._ended:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self._request_complete}

    async def send(self, message: Message) -> None:
        """Send the headers or a part of the body, as soon as the client has read enough of what precedes it.

        Raises:
            RuntimeError: the message must not be sent now, or its content is invalid.
        """
        if not self._disconnected:
            await self._connection.flow.writable()
        if self._disconnected:
            return
        kind = message["type"]
        if self._response_complete:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        expected = "http.response.body" if self.response_started else "http.response.start"
        if kind != expected:
            raise RuntimeError(f"Expected ASGI message '{expected}', but got '{kind}'.")
        if self.response_started:
            self._send_body(message.get("body", b""), last=not message.get("more_body", False))
        else:
            self.response_started = True
            self._expects_continue = False
            self._connection.write(self._head(message["status"], message.get("headers", ())))

    @property
    def _ended(self) -> bool:
        return self._disconnected or self._response_complete

    def _head(self, status: int, headers: Headers) -> bytes:
        lines = [STATUS_LINES[status]]
        says_close = False
        for name, value in (*self._default_headers, *headers):
            if not _NAME.fullmatch(name) or _INVALID_IN_VALUE.search(value):
                raise RuntimeError(f"Invalid HTTP header {name!r}.")
            lower = name.lower()
            if lower == b"connection" and b"close" in _tokens(value):
                self.keep_alive = False
                says_close = True
            else:
                self._note_framing(lower, value)
            lines += (lower, b": ", value, b"\r\n")
        if not self.keep_alive and not says_close:
            lines.append(b"connection: close\r\n")
        if self._chunked is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _note_framing(self, name: bytes, value: bytes) -> None:
        """Note how the response's header says that its body ends."""
        if name == b"content-length" and self._chunked is None:
            self._remaining = int(value)
            self._chunked = False
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self._remaining = 0
            self._chunked = True

    def _send_body(self, body: bytes, *, last: bool) -> None:
        if self.scope["method"] == "HEAD":
            self._remaining = 0
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._connection.write(chunk + b"0\r\n\r\n" if last else chunk)
        else:
            self._remaining -= len(body)
            if self._remaining < 0:
                raise RuntimeError("Response content longer than Content-Length")
            self._connection.write(body)
        if last:
            if self._remaining:
                raise RuntimeError("Response content shorter than Content-Length")
            self._response_complete = True
            self._changed.set()
            if not self.keep_alive:
                self._connection.close()
            self._connection.on_response_complete(self)

    async def _fail(self) -> None:
        """Send a 500, or close the connection if the response has started."""
        if self.response_started:
            self._connection.close()
            return
        body = b"Internal Server Error"
        headers: list[tuple[bytes, bytes]] = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip().lower() for token in value.split(b",")]
