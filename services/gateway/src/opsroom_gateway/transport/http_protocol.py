"""uvicorn's HTTP protocol with limits on headers and connections, which apply before a request is served."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opsroom_contracts.addresses import network_of
from opsroom_gateway.domain.networks import Network, in_networks
from opsroom_gateway.transport.connection_limits import ConnectionBudget
from opsroom_gateway.transport.event_stream import (
    UPGRADE_EXTENSION,
    EventStreamConnection,
    SseConfig,
    StreamProtocol,
)

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)
_FULL_RETRY_SECONDS = (5, 15)
_BUSY_RETRY_SECONDS = (1, 5)
"""Random, so that clients that were rejected together don't retry together."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits per connection and per address. ``header_seconds`` and ``header_bytes`` hold for each request.

    ``exempt``: addresses to which ``per_address`` does not apply: proxies, which connect for many clients,
    and exempt clients.
    """

    header_seconds: float
    header_bytes: int
    per_address: int
    exempt: tuple[Network, ...]
    open_by_network: Counter[str] = field(default_factory=Counter)


class LimitedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request headers are slow or too large. uvicorn is given a subclass of it."""

    limits: ConnectionLimits
    sse_config: SseConfig
    connection_budget: ConnectionBudget

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._counted_network: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As in uvicorn; check the connection limits and start the timer for the headers."""
        super().connection_made(transport)
        if not self.connection_budget.has_room(len(self.connections)):
            self._reject(_unavailable(_FULL_RETRY_SECONDS))
            return
        address = self.client[0] if self.client else ""
        limits = self.limits
        if limits.per_address and not in_networks(address, limits.exempt):
            network = network_of(address)
            if limits.open_by_network[network] >= limits.per_address:
                self._reject(_TOO_MANY)
                return
            limits.open_by_network[network] += 1
            self._counted_network = network
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """As in uvicorn, as long as the headers are within their limit."""
        if self.transport.is_closing():
            return
        self._header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._header_bytes > self.limits.header_bytes:
            self._reject(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """As in uvicorn; each request on a kept-alive connection has its own timer."""
        super().on_message_begin()
        if self._header_timer is None:
            self._start_header_timer()

    def on_headers_complete(self) -> None:
        """As in uvicorn; the headers arrived in time."""
        self._cancel_header_timer()
        extensions: dict[str, Any] = {UPGRADE_EXTENSION: self}
        self.scope["extensions"] = extensions
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """As in uvicorn; stop counting the connection."""
        self._cancel_header_timer()
        self._stop_counting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """As in uvicorn; from here on the WebSocket protocol counts the connection."""
        self._cancel_header_timer()
        self._stop_counting()
        if self.connection_budget.acquire():  # the WebSocket protocol releases it
            super().handle_websocket_upgrade()
        else:
            self._reject(_unavailable(_BUSY_RETRY_SECONDS))

    def upgrade_to_stream(self) -> EventStreamConnection | None:
        """Hand the connection, whose response has started, to a protocol that only sends. None if closed.

        uvicorn and the application see a lost connection: whatever they still send is dropped, and the
        request's objects are freed. uvicorn hands connections to its WebSocket protocol in the same way.
        """
        transport = self.transport
        if transport.is_closing():
            return None
        self.connection_lost(ConnectionResetError("upgraded to a stream"))
        self.flow.resume_reading()
        successor = StreamProtocol(transport, self.sse_config, self.connections)
        transport.set_protocol(successor)
        return successor.connection

    def _start_header_timer(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.limits.header_seconds, self._reject, _TIMED_OUT)

    def _cancel_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_counting(self) -> None:
        network, self._counted_network = self._counted_network, None
        if network is not None:
            self.limits.open_by_network[network] -= 1
            if not self.limits.open_by_network[network]:
                del self.limits.open_by_network[network]

    def _reject(self, response: bytes) -> None:
        self._cancel_header_timer()
        if not self.transport.is_closing():
            self.transport.write(response)
            self.transport.close()


def _unavailable(retry_seconds: tuple[int, int]) -> bytes:
    return _UNAVAILABLE % random.randint(*retry_seconds)  # noqa: S311 - nothing secret
