"""Status of the portal: the reply of ``GET /api/v1/status`` and of ``gateway.status``."""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.serialization.model import Model, Sequence, Timestamp

Count = Annotated[int, Field(ge=0)]
ShortText = Annotated[str, Field(max_length=100)]

ServiceName = Literal["gateway", "chat", "cloud", "incidents"]
OPTIONAL_SERVICES: frozenset[ServiceName] = frozenset({"incidents"})
"""Services without which chat and servers work. They are not reported as missing."""
REPLICAS_MAX = 1000
PROBLEM_MAX = 300


class StatusRequest(Model):
    """Get the status of the portal from any gateway."""


class ReplicaStatus(Model):
    """One process of a service. ``requests`` and ``refusals`` count since its start.

    ``inFlight``: requests in progress. ``sockets`` and ``streams``: open connections; gateways only.
    ``problem``: why it is not ready, for example because its writes do not land; missing if it is ready.
    """

    service: ServiceName
    id: ShortText
    version: ShortText
    started_at: Timestamp
    requests: Count
    refusals: Count
    in_flight: Count
    sockets: Count | None = None
    streams: Count | None = None
    problem: Annotated[str, Field(max_length=PROBLEM_MAX)] | None = None


class StreamStatus(Model):
    """One stream. ``lag``: messages that its slowest consumer has not received or acknowledged yet."""

    name: ShortText
    messages: Count
    size_bytes: Count
    last_seq: Sequence
    copies: Count
    consumers: Count
    lag: Count


class Status(Model):
    """A snapshot of the portal, taken by one gateway.

    ``tookMs``: duration of the collection. ``roundTripMs``: round trip from the gateway to the broker.
    ``clockAheadMs``: how far the gateway's clock is ahead of the broker's. ``missing``: expected services and
    streams that were not found.
    """

    at: Timestamp
    took_ms: Annotated[float, Field(ge=0)]
    broker_version: ShortText
    round_trip_ms: Annotated[float, Field(ge=0)]
    clock_ahead_ms: float
    replicas: Annotated[tuple[ReplicaStatus, ...], Field(max_length=REPLICAS_MAX)]
    streams: tuple[StreamStatus, ...]
    missing: tuple[ShortText, ...]
