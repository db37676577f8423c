"""What runs, and how it does: the answer of ``GET /api/v1/status`` and of ``gateway.status``."""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.model import Model, Sequence, Timestamp

Count = Annotated[int, Field(ge=0)]
Words = Annotated[str, Field(max_length=100)]

ServiceName = Literal["gateway", "chat", "cloud"]
REPLICAS_MAX = 1000


class StatusRequest(Model):
    """Ask any gateway how the portal does."""


class ReplicaStatus(Model):
    """One process of a service, counted since its start; ``inFlight``: requests it works on now.

    ``sockets`` and ``streams``: connections open now, of a gateway only.
    """

    service: ServiceName
    id: Words
    version: Words
    started_at: Timestamp
    requests: Count
    refusals: Count
    in_flight: Count
    sockets: Count | None = None
    streams: Count | None = None


class StreamStatus(Model):
    """One stream. ``lag``: messages that its slowest consumer has yet to be sent or to acknowledge."""

    name: Words
    messages: Count
    size_bytes: Count
    last_seq: Sequence
    copies: Count
    consumers: Count
    lag: Count


class Status(Model):
    """The portal at one moment, as one gateway sees it.

    ``tookMs``: how long it took to find out; ``roundTripMs``: from that gateway to the broker and back;
    ``clockAheadMs``: by how much its clock is ahead of the broker's. ``missing``: services and streams that
    should be there and are not.
    """

    at: Timestamp
    took_ms: Annotated[float, Field(ge=0)]
    broker_version: Words
    round_trip_ms: Annotated[float, Field(ge=0)]
    clock_ahead_ms: float
    replicas: Annotated[tuple[ReplicaStatus, ...], Field(max_length=REPLICAS_MAX)]
    streams: tuple[StreamStatus, ...]
    missing: tuple[Words, ...]
