"""The gateway's server in front of any ASGI application."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from opsroom_gateway.app import Gateway
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_gateway.transport.server import Server, listen, make_server
from opsroom_gateway.transport.stats import TransportStats

_DEFAULTS: dict[str, object] = {
    "port": 0,
    "drain_seconds": 0.0,
    "ping_seconds": 60.0,
    "heartbeat_seconds": 60.0,
}
"""Only tests of pings and heartbeats should see any."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server on a port of this machine."""

    port: int
    server: Server
    stats: TransportStats
    budgets: InputBudgets


@asynccontextmanager
async def serving_app(
    application: ASGIApp, send_buffer: int = 0, **overrides: object
) -> AsyncIterator[RunningServer]:
    """Run the server. ``send_buffer``: the kernel's send buffer per connection, in bytes."""
    settings = GatewaySettings.model_validate(_DEFAULTS | overrides)
    listener = listen(settings)
    if send_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # accepted sockets inherit it
    stats = TransportStats()
    budgets = InputBudgets(settings.input())
    gateway = Gateway(
        application,  # type: ignore[arg-type]
        stats,
        budgets,
        asyncio.Event(),
        problem=lambda: None,
        prepare_stop=lambda _: None,
    )
    server = make_server(gateway, settings)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield RunningServer(listener.getsockname()[1], server, stats, budgets)
    finally:
        server.stop()
        await serving
