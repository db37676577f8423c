"""The gateway's fan-out without a broker.

Run as ``python -m bench.fanout.opsroom_server PORT [--no-metrics]``.

uvicorn, FastAPI, protocol classes, projections, broadcasters and connections are the gateway's own, started
by its ``make_server``; only the source differs. Each frame on ``/publish`` is a message as stored in the
stream, and is passed to the projection as a subscription would pass it.
"""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from typing import cast

from fastapi import FastAPI, WebSocket
from starlette.types import Message

from bench.fanout.protocols import TEXT, Handshake, PeerProtocol, get, masked
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.http import SSE_CHANGE
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_gateway.api.cloud.events import events_router
from opsroom_gateway.app import Gateway
from opsroom_gateway.auth.factory import build_authorizer, static_tokens
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.fanout.replay import Replayer
from opsroom_gateway.metrics import fan_out_latency
from opsroom_gateway.middleware.client_address import ClientAddressMiddleware
from opsroom_gateway.middleware.trusted_proxies import parse_proxies
from opsroom_gateway.presence.restriction_enforcer import RestrictionEnforcer
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.connection_limits import raise_open_file_limit
from opsroom_gateway.transport.encoding import sse_event
from opsroom_gateway.transport.input_budget import InputBudgets
from opsroom_gateway.transport.server import listen, make_server
from opsroom_gateway.transport.stats import TransportStats
from opsroom_gateway.transport.websocket.connection import connection_of, one_by_one
from opsroom_messaging.client.connection import unconnected
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime.metrics import Histogram, Metrics
from opsroom_runtime.process import run, until_stopped
from opsroom_testkit.websocket_frames import upgrade_request

WITHOUT_METRICS = "--no-metrics"
"""Disables the fan-out latency, the only metric here that costs more than an addition."""
_SUBJECT = CHAT_EVENTS.replace("*", "general").replace(">", "general")


def _stored_message() -> bytes:
    """Encode a message as the chat service stores it, with the mark in its text."""
    return encode(
        MessageEvent(
            id="bench",
            room="general",
            user=User(id="bench", name="bench"),
            text=TEXT,
            timestamp=datetime(2026, 11, 24, tzinfo=UTC),
        )
    )


WS_PROTOCOL = PeerProtocol(
    Handshake(upgrade_request("/read")), Handshake(upgrade_request("/publish")), masked(_stored_message(), 2)
)
SSE_PROTOCOL = PeerProtocol(
    Handshake(get("/cloud/events")),
    Handshake(upgrade_request("/publish-event")),
    masked(TEXT, 2),
    websocket=False,
)


def application(latency: Histogram | None) -> FastAPI:
    """Build the application: the gateway's readers, and two sockets in place of the broker."""
    app = FastAPI()
    chat, cloud = MessageProjection(4096, latency), InstanceProjection()
    sequences = count(1)
    chat.on_synced()  # there is no stream: every message is new
    # Nobody resumes here, so the stream is never read.
    clock, settings = BrokerClock(), GatewaySettings()
    tokens = static_tokens(settings)
    enforcement = RestrictionEnforcer(RestrictionProjection(clock), tokens.name_of)
    access = build_authorizer(settings, RequestClient(unconnected()), tokens, enforcement, clock)
    app.include_router(events_router(cloud, cast("Replayer", None), access, RevocationWatcher(access)))
    app.add_middleware(ClientAddressMiddleware, exempt=(), proxies=parse_proxies(()))

    async def received(_message: Message) -> None:
        """Ignore input of readers."""

    @app.websocket("/read")
    async def read(socket: WebSocket) -> None:
        await socket.accept()
        connection = connection_of(socket)
        chat.readers.subscribe(connection)
        connection.on_close(lambda: chat.readers.unsubscribe(connection))
        connection.serve_callback(one_by_one(received))

    @app.websocket("/publish")
    async def publish(socket: WebSocket) -> None:
        await socket.accept()
        async for data in socket.iter_bytes():
            chat.on_message(StreamMessage(chat.head + 1, _SUBJECT, data))

    @app.websocket("/publish-event")
    async def publish_event(socket: WebSocket) -> None:
        await socket.accept()
        async for data in socket.iter_bytes():
            cloud.readers.publish(sse_event(SSE_CHANGE, data, next(sequences)))

    return app


async def main(port: int, *, measured: bool) -> None:
    """Serve until a signal."""
    raise_open_file_limit()
    settings = GatewaySettings(port=port)
    died = asyncio.Event()
    app = application(fan_out_latency(Metrics()) if measured else None)
    budgets = InputBudgets(settings.input())
    stats = TransportStats()
    at_work = Gateway(app, stats, budgets, died, problem=lambda: None, prepare_stop=lambda _: None)
    server = make_server(at_work, settings)
    serving = asyncio.create_task(server.serve([listen(settings)]))
    await until_stopped(died)
    server.stop()
    await serving


if __name__ == "__main__":
    run("bench", lambda _: main(int(sys.argv[1]), measured=WITHOUT_METRICS not in sys.argv))
