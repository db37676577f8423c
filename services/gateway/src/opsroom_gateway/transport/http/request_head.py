"""The head of an HTTP request: request line and headers."""

from asyncio.transports import Transport
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.config import Config

from opsroom_contracts.http import NAME_HEADER
from opsroom_gateway.transport.addresses import client_address, is_tls, server_address
from opsroom_gateway.transport.event_stream import UPGRADE_EXTENSION, UpgradableConnection

_HEADER_FRAMING_BYTES = 4
"""The colon, the space and the line break of a header."""
_SINGLE = frozenset(
    {
        b"host",
        b"authorization",
        b"origin",
        b"content-type",
        b"idempotency-key",
        b"last-event-id",
        NAME_HEADER.lower().encode(),
    }
)
"""Headers that a request may have only once: programs differ in which of two they read."""


class RequestHead:
    """A request line and headers, with lower-case names."""

    __slots__ = (
        "complete",
        "expects_continue",
        "headers",
        "keep_alive",
        "method",
        "size",
        "target",
        "version",
    )

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.size = 0
        """How many bytes the headers take, about."""
        self.version = "1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.keep_alive = True
        """Whether the client lets the connection open after the response."""
        self.expects_continue = False
        """Whether the client waits for a 100 before it sends the body."""
        self.complete = False
        """Whether all headers were received."""

    def add(self, name: bytes, value: bytes) -> None:
        """Add a header. Whitespace around its value does not belong to it (RFC 9110, 5.5)."""
        self.size += len(name) + len(value) + _HEADER_FRAMING_BYTES
        name, value = name.lower(), value.strip(b" \t")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expects_continue = True
        self.headers.append((name, value))

    @property
    def wants_websocket(self) -> bool:
        """Whether the request asks to upgrade to WebSocket."""
        tokens: list[bytes] = []
        upgrade = b""
        for name, value in self.headers:
            if name == b"connection":
                tokens += (token.strip().lower() for token in value.split(b","))
            elif name == b"upgrade":
                upgrade = value.lower()
        return upgrade == b"websocket" and b"upgrade" in tokens

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
            for name, value in self.headers
        )

    def fault(self) -> str | None:
        """Return what is wrong with the headers; None if nothing is (RFC 9110, 5.3; RFC 9112, 3.2)."""
        seen: set[bytes] = set()
        for name, _ in self.headers:
            if name in _SINGLE and name in seen:
                return f"There is more than one {name.decode()} header."
            seen.add(name)
        if b"host" not in seen and self.version == "1.1":
            return "There is no host header."
        return None

    def serialize(self) -> bytes:
        """Return the head as it is sent."""
        lines = [f"{self.method} ".encode(), self.target, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def scope(
        self,
        transport: Transport,
        config: Config,
        app_state: dict[str, Any],
        connection: UpgradableConnection,
    ) -> Scope:
        """Build the ASGI scope, whose extensions have ``connection``.

        Raises:
            httptools.HttpParserInvalidURLError: the request target is invalid.
            ValueError: its path is not ASCII.
        """
        target = httptools.parse_url(self.target)
        path = target.path.decode("ascii")
        root = config.root_path
        return {
            "type": "http",
            "asgi": {"version": config.asgi_version, "spec_version": "2.3"},
            "http_version": self.version,
            "server": server_address(transport),
            "client": client_address(transport),
            "scheme": "https" if is_tls(transport) else "http",
            "method": self.method,
            "root_path": root,
            "path": root + (unquote(path) if "%" in path else path),
            "raw_path": root.encode("ascii") + target.path,
            "query_string": target.query or b"",
            "headers": self.headers,
            "state": app_state.copy(),
            "extensions": {UPGRADE_EXTENSION: connection},
        }
