"""Settings of the gateway, read from its environment."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from opsroom_gateway.domain.buckets import Rate
from opsroom_gateway.edge.callers import networks
from opsroom_messaging.settings import BrokerSettings

LOOPBACK = ("127.0.0.0/8", "::1")


def _network(text: str) -> str:
    networks((text,))
    return text


Addresses = tuple[Annotated[str, AfterValidator(_network)], ...]
"""Addresses and networks."""
Count = Annotated[int, Field(ge=0)]
PerSecond = Annotated[float, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class LimitSettings(BrokerSettings):
    """How much may be asked of a gateway. Sizes in bytes, times in seconds; 0 means no limit of a number."""

    prefix: ClassVar[str] = "GATEWAY_"

    trusted_proxies: Addresses = ()
    """Whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""
    exempt_addresses: Addresses = LOOPBACK
    """Callers to whom no limit of rates and numbers applies; sizes and times hold for everybody."""
    body_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 64 * 1024
    body_seconds: Seconds = 20.0
    json_depth: Annotated[int, Field(ge=4, le=100)] = 32
    header_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 32 * 1024
    header_seconds: Seconds = 10.0
    """How long a connection may take to say what it wants, a handshake included."""
    connections_per_address: Count = 256
    registrations_per_minute: Count = 30
    """From one address."""
    messages_per_second: PerSecond = 10.0
    """Of one person, in the long run."""
    messages_burst: Annotated[int, Field(ge=1)] = 50
    commands_per_second: PerSecond = 5.0
    commands_burst: Annotated[int, Field(ge=1)] = 50
    pending_operations: Count = 100
    """Of one person at once."""
    course_idle_seconds: Count = 3600
    """How long a socket of the course contract may be nobody's and silent."""

    def registrations(self) -> Rate:
        """How fast one address may register names."""
        return Rate(self.registrations_per_minute / 60, self.registrations_per_minute)

    def messages(self) -> Rate:
        """How fast one person may speak."""
        return Rate(self.messages_per_second, self.messages_burst)

    def commands(self) -> Rate:
        """How fast one person may command servers."""
        return Rate(self.commands_per_second, self.commands_burst)


class GatewaySettings(LimitSettings):
    """Environment: the name of each field in capitals, with ``GATEWAY_`` before it. Times in seconds."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    allowed_origins: tuple[str, ...] = ("*",)
    """Origins that browsers may call from; ``*`` for any."""
    course_cloud_envelope: bool = False
    """Answer the course dashboard's list as ``{"data": [...]}``, as the old server did."""
    course_binding_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How long a course registration waits for the socket that belongs to it."""
    outbox_bytes: Annotated[int, Field(ge=262_144)] = 1024 * 1024
    """How much may wait for one reader before it is closed as too slow."""
    deflate: bool = False
    """Whether frames to many are compressed for clients that offer it (permessage-deflate)."""
    ring_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    """How many of the newest messages the process remembers for those who come back."""
    replay_limit: Annotated[int, Field(ge=1)] = 10_000
    """The most missed messages a reader is told one by one; past it, ``reset``."""
    ping_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often sockets are pinged, and how long an answer may take."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often an SSE stream says that it lives."""
    connections: Count = 20_000
    """The most connections of the process; past it 503. 0: no limit."""
    joining: Count = 1_000
    """The most sockets and streams that may be opening at once; past it 503. 0: no limit."""
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    """Over how long a stop sends people away, and over how long they are asked to come back."""
    hello_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long a new socket may take to say hello."""
    patience_seconds: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a service that does not answer is asked again before the client is told."""
    frontend: str | None = None
    """Folder of the built page, served at ``/``; none: no page."""
