"""The gateway's metrics. Values of the fan-out are read when they are collected."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from opsroom_gateway.agents.agent_streams import AgentStreams
from opsroom_gateway.agents.stream_kinds import KINDS, Kind
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.transport.stats import TransportStats
from opsroom_runtime.metrics import Counter, Histogram, Labels, Metrics, single

ERROR_COUNTER: Final = "opsroom.refusals"
"""The key of the error counter in an ASGI scope."""


class Readers(Protocol):
    """Connections that are sent the same frames, and what was written to them."""

    @property
    def deliveries(self) -> int: ...

    @property
    def written_bytes(self) -> int: ...

    def __len__(self) -> int: ...

    def buffered_bytes(self) -> list[int]:
        """Return the bytes that each reader has not taken yet."""
        ...


Broadcasters = Mapping[tuple[str, str, str], Readers]
"""All readers by stream, transport and dialect, such as ``chat``, ``websocket``, ``v1``."""


def error_counter(metrics: Metrics) -> Counter:
    """Return the counter of error responses, over HTTP and WebSocket, by error code."""
    return metrics.counter("refusals", "Error responses by error code.", ("code",))


def fan_out_latency(metrics: Metrics) -> Histogram:
    """Return the histogram of the time from a message's timestamp until it is written to all readers."""
    return metrics.histogram(
        "fanout_seconds",
        "From a message's timestamp until it is written to all readers; one sample per event-loop iteration.",
        ("stream",),
    )


class ErrorCounterMiddleware:
    """Puts the error counter into the scope."""

    def __init__(self, app: ASGIApp, counter: Counter) -> None:
        self._app = app
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the counter."""
        scope[ERROR_COUNTER] = self._counter
        await self._app(scope, receive, send)


def register_metrics(
    metrics: Metrics, stats: TransportStats, members: MemberProjection, broadcasters: Broadcasters
) -> None:
    """Register the metrics of connections, deliveries and rejections."""

    def connections() -> Mapping[Labels, float]:
        counts: dict[Labels, float] = {}
        for (stream, transport, dialect), broadcaster in broadcasters.items():
            if stream != "people":  # the same sockets as the chat stream's
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

    metrics.gauge("connections", "Connected readers.", connections, ("transport", "dialect"))
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
        lambda: {labels: broadcaster.written_bytes for labels, broadcaster in broadcasters.items()},
        labels,
    )
    metrics.counter_callback("slow_readers_closed", "Closed as too slow.", single(lambda: stats.slow_readers))
    metrics.counter_callback(
        "silent_readers_closed", "Closed as dead.", single(lambda: stats.dead_connections)
    )
    metrics.gauge(
        "open_connections",
        "Open connections, including handshakes in progress.",
        lambda: {("websocket",): stats.sockets, ("sse",): stats.streams},
        ("transport",),
    )
    metrics.counter_callback(
        "turned_away",
        "Rejected with 503.",
        lambda: {
            ("connections",): stats.refused_connections,
            ("joining",): stats.refused_handshakes,
        },
        ("limit",),
    )
    metrics.gauge("people_present", "Users on the list.", single(lambda: len(members.users)))


def register_agent_streams(metrics: Metrics, streams: AgentStreams) -> None:
    """Register the metrics of logs and statistics."""

    def by_kind(value: Callable[[Kind], float]) -> Callable[[], Mapping[Labels, float]]:
        return lambda: {(kind.event,): value(kind) for kind in KINDS}

    labels = ("kind",)
    metrics.gauge("agent_streams", "Open streams of agents.", by_kind(streams.streams), labels)
    metrics.gauge("agent_stream_readers", "Readers of streams.", by_kind(streams.readers), labels)
    metrics.counter_callback(
        "agent_stream_entries", "Lines and samples that agents sent.", by_kind(streams.entries), labels
    )
    metrics.counter_callback(
        "agent_stream_skipped",
        "Lines and samples that readers lost, because they or an agent were too slow.",
        by_kind(streams.skipped),
        labels,
    )


class SkipCounter(Protocol):
    """A projection that counts the messages it skipped."""

    malformed: int


def register_skipped(metrics: Metrics, projections: Iterable[SkipCounter]) -> None:
    """Register the metric of skipped messages."""
    followed = tuple(projections)
    metrics.counter_callback(
        "malformed",
        "Messages skipped because they violate their contract.",
        single(lambda: sum(projection.malformed for projection in followed)),
    )
