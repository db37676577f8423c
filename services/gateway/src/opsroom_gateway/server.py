"""uvicorn, started and stopped by us: bound before anything is promised, drained before the end."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from opsroom_contracts.frames import FRAME_MAX_BYTES
from opsroom_gateway.app import Gateway
from opsroom_gateway.edge.callers import networks
from opsroom_gateway.edge.http_protocol import ConnectionLimits, LimitedHttpProtocol
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.ws_protocol import OutletProtocol
from opsroom_messaging.connection import BrokerUnusableError

_DRAIN_SECONDS = 10
_BACKLOG = 4096


class AddressInUseError(BrokerUnusableError):
    """The address can't be listened on; the message says which and why."""


class Server(uvicorn.Server):
    """Leaves signals to the process, which stops in its own order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(settings: GatewaySettings) -> socket.socket:
    """Bind the gateway's address.

    Raises:
        AddressInUseError: it can't be bound.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP in so many words: else asyncio leaves Nagle's delay on for every accepted socket.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise AddressInUseError(f"can't listen on {settings.host}:{settings.port}: {reason}") from error
    return listener


def make_server(gateway: Gateway, settings: GatewaySettings) -> Server:
    """The server of a gateway's application."""

    class Protocol(OutletProtocol):
        outbox_bytes = settings.outbox_bytes

    class HttpProtocol(LimitedHttpProtocol):
        limits = ConnectionLimits(
            header_seconds=settings.header_seconds,
            header_bytes=settings.header_bytes,
            per_address=settings.connections_per_address,
            uncounted=networks((*settings.trusted_proxies, *settings.exempt_addresses)),
        )

    return Server(
        uvicorn.Config(
            gateway.app,
            http=HttpProtocol,
            ws=Protocol,
            ws_max_size=FRAME_MAX_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=settings.ping_seconds,
            ws_ping_timeout=settings.ping_seconds,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the application believes those that are to be believed
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )
