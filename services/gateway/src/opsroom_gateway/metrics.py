"""What the gateway counts, under its names. Numbers of the fan-out are read when they are asked for."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.transport.stats import TransportStats
from opsroom_messaging.runtime.metrics import Counter, Histogram, Labels, Metrics, single

ERROR_COUNTER: Final = "opsroom.refusals"
"""Where in a scope the counter of refusals is."""

Broadcasters = Mapping[tuple[str, str, str], Broadcaster]
"""Every hub by what it tells, its transport and its dialect: ``chat``, ``websocket``, ``v1``."""


def error_counter(metrics: Metrics) -> Counter:
    """Counts what was refused, over HTTP and over the WebSocket."""
    return metrics.counter("refusals", "What was refused, by the code of the error.", ("code",))


def fan_out_latency(metrics: Metrics) -> Histogram:
    """Measures a message's way."""
    return metrics.histogram(
        "fanout_seconds",
        "From a message's timestamp until it was written to every reader; the first of each turn.",
        ("stream",),
    )


class ErrorCounterMiddleware:
    """Lets whoever refuses a request find the counter."""

    def __init__(self, app: ASGIApp, counter: Counter) -> None:
        self._app = app
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the counter."""
        scope[ERROR_COUNTER] = self._counter
        await self._app(scope, receive, send)


def register_metrics(
    metrics: Metrics, stats: TransportStats, members: MemberProjection, broadcasters: Broadcasters
) -> None:
    """Show who is connected, what is written to them, and who was turned away."""

    def connections() -> Mapping[Labels, float]:
        counts: dict[Labels, float] = {}
        for (stream, transport, dialect), broadcaster in broadcasters.items():
            if stream != "people":  # the same sockets as the chat's
                counts[transport, dialect] = counts.get((transport, dialect), 0) + len(broadcaster)
        return counts

    def buffered_bytes() -> Mapping[Labels, float]:
        buffers = [
            buffered
            for (stream, _, _), broadcaster in broadcasters.items()
            if stream != "people"
            for buffered in broadcaster.buffered_bytes()
        ]
        return {("sum",): sum(buffers), ("max",): max(buffers, default=0)}

    metrics.gauge("connections", "Readers connected.", connections, ("transport", "dialect"))
    metrics.gauge("outbox_bytes", "Bytes that readers have not taken yet.", buffered_bytes, ("of",))
    labels = ("stream", "transport", "dialect")
    metrics.counter_callback(
        "deliveries",
        "Frames written to readers.",
        lambda: {labels: broadcaster.deliveries for labels, broadcaster in broadcasters.items()},
        labels,
    )
    metrics.counter_callback(
        "delivered_bytes",
        "Bytes written to readers.",
        lambda: {labels: broadcaster.bytes for labels, broadcaster in broadcasters.items()},
        labels,
    )
    metrics.counter_callback("slow_readers_closed", "Closed as too slow.", single(lambda: stats.slow_readers))
    metrics.counter_callback("silent_readers_closed", "Closed as dead.", single(lambda: stats.silent_readers))
    metrics.gauge(
        "open_connections",
        "Connections open, joining ones included.",
        lambda: {("websocket",): stats.sockets, ("sse",): stats.streams},
        ("transport",),
    )
    metrics.counter_callback(
        "turned_away",
        "Answered 503 at the door.",
        lambda: {
            ("connections",): stats.refused_connections,
            ("joining",): stats.refused_handshakes,
        },
        ("limit",),
    )
    metrics.gauge("people_present", "People on the list.", single(lambda: members.count))


class SkipCounter(Protocol):
    """Whoever follows a stream and skips what it can't read."""

    malformed: int


def register_skipped(metrics: Metrics, projections: Iterable[SkipCounter]) -> None:
    """Show how much of the streams was skipped here."""
    followed = tuple(projections)
    metrics.counter_callback(
        "malformed",
        "What was skipped as it fits no contract.",
        single(lambda: sum(projection.malformed for projection in followed)),
    )
