"""The uvicorn server: it binds before startup completes, and closes connections gradually when it stops."""

import asyncio
import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import uvicorn

from opsroom_contracts.chat.frames import FRAME_MAX_BYTES
from opsroom_gateway.app import Gateway
from opsroom_gateway.domain.networks import parse_networks
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.certificates import Certificates
from opsroom_gateway.transport.connection_limits import ConnectionBudget, max_connections
from opsroom_gateway.transport.event_stream import SseConfig
from opsroom_gateway.transport.heartbeat import HeartbeatTimer
from opsroom_gateway.transport.http.address_limit import ConnectionLimits
from opsroom_gateway.transport.http.protocol import HttpProtocol
from opsroom_gateway.transport.websocket.connection import WebSocketConfig
from opsroom_gateway.transport.websocket.protocol import WebSocketProtocol
from opsroom_messaging.errors import BrokerUnusableError
from opsroom_runtime import ticks
from opsroom_runtime.errors import SettingsError

_DRAIN_SECONDS = 10
_SHUTDOWN_REQUEST_SECONDS = 6.0
"""Timeout of pending service requests once the server stops: shorter than the graceful shutdown."""
_DATE_UPDATE_SECONDS = 1.0
"""How often uvicorn updates the Date header."""
_BACKLOG = 4096
_ACCEPTS_PER_ITERATION = 16
"""asyncio accepts as many connections at once as the backlog that it is given."""
_UNSENT_BYTES = 256 * 1024
_CLOSE_BATCH_SECONDS = 0.01
_MAX_CLOSE_INTERVAL_SECONDS = 0.002
"""Upper bound of the delay between closes when there are few connections."""


class AddressInUseError(BrokerUnusableError):
    """The address can't be bound; the message says which address and why."""


class Server(uvicorn.Server):
    """uvicorn's server without signal handlers, which the process has, and with a paced shutdown.

    ``certificates``: those of the server, if it terminates TLS.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        drain_seconds: float,
        prepare_stop: Callable[[float], None],
        certificates: Certificates | None,
    ) -> None:
        super().__init__(config)
        self._certificates = certificates
        self._drain_seconds = drain_seconds
        self._prepare_stop = prepare_stop
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start the shutdown."""
        self.should_exit = True
        self._stopping.set()

    def reload(self) -> None:
        """Load the files of the certificate, whether or not they have changed."""
        if self._certificates is not None:
            self._certificates.reload()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As in uvicorn, but let more connections wait in the kernel than are accepted at once."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)

    async def main_loop(self) -> None:
        """As in uvicorn, but wake once a second and on ``stop`` instead of ten times a second."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ticks.next_tick(_DATE_UPDATE_SECONDS)):
                    await self._stopping.wait()
            if self._certificates is not None:
                self._certificates.reload_if_changed()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As in uvicorn, but close connections one by one, so that clients don't reconnect all at once."""
        for server in self.servers:
            server.close()
        self._prepare_stop(_SHUTDOWN_REQUEST_SECONDS)
        connections = list(self.server_state.connections)
        random.shuffle(connections)
        interval = min(self._drain_seconds / max(1, len(connections)), _MAX_CLOSE_INTERVAL_SECONDS)
        batch = max(1, round(_CLOSE_BATCH_SECONDS / interval) if interval else len(connections))
        for start in range(0, len(connections), batch):
            if start:
                await asyncio.sleep(batch * interval)
            for connection in connections[start : start + batch]:
                connection.shutdown()
        await super().shutdown(sockets)


def listen(settings: GatewaySettings, port: int | None = None) -> socket.socket:
    """Bind the gateway's address and listen on it. ``port``: another one than the setting's.

    Raises:
        AddressInUseError: the address can't be bound.
    """
    port = settings.port if port is None else port
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol is explicitly IPPROTO_TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if settings.shared_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _limit_unsent_bytes(listener)
        listener.bind((settings.host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise AddressInUseError(f"can't listen on {settings.host}:{port}: {reason}") from error
    return listener


def _limit_unsent_bytes(listener: socket.socket) -> None:
    """Limit how many bytes the kernel buffers beyond those in flight.

    Without it the kernel's buffer grows to megabytes before a stalled reader counts as too slow.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        listener.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)  # accepted sockets inherit it


def _load_certificates(cert: Path, key: Path) -> Certificates:
    try:
        return Certificates(cert, key)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"GATEWAY_TLS_CERT={cert}, GATEWAY_TLS_KEY={key}: {reason}") from error


def make_server(gateway: Gateway, settings: GatewaySettings) -> Server:
    """Create the server of a gateway's application.

    Raises:
        SettingsError: the certificate or its key can't be used.
    """
    stats = gateway.stats
    budget = ConnectionBudget(max_connections(settings.connections), settings.joining, stats)
    connection_limits = ConnectionLimits(
        header_seconds=settings.header_seconds,
        header_bytes=settings.header_bytes,
        per_address=settings.connections_per_address,
        exempt=(*settings.proxies().peers, *parse_networks(settings.exempt_addresses)),
        budgets=gateway.budgets,
    )

    class SocketProtocol(WebSocketProtocol):
        __slots__ = ()
        websocket_config = WebSocketConfig(
            settings.outbox_bytes,
            stats,
            HeartbeatTimer(settings.ping_seconds),
            budget,
            connection_limits,
            settings.drain_seconds,
            settings.deflate,
        )

    class RequestProtocol(HttpProtocol):
        __slots__ = ()
        limits = connection_limits
        sse_config = SseConfig(
            settings.outbox_bytes,
            stats,
            HeartbeatTimer(settings.heartbeat_seconds),
            settings.drain_seconds,
        )
        connection_budget = budget

    tls = settings.tls()
    certificates = None if tls is None else _load_certificates(*tls)
    config = uvicorn.Config(
        gateway.app,
        http=cast("Any", RequestProtocol),  # uvicorn only calls it; it need not be an asyncio.Protocol
        ws=cast("Any", SocketProtocol),
        ws_max_size=FRAME_MAX_BYTES,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # ClientAddressMiddleware evaluates them
        backlog=_ACCEPTS_PER_ITERATION,
        ssl_certfile=None if tls is None else tls[0],
        ssl_keyfile=None if tls is None else tls[1],
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    if certificates is not None:
        config.load()
        config.ssl = certificates.context
    return Server(config, settings.drain_seconds, gateway.prepare_stop, certificates)
