"""Settings of the gateway, read from its environment."""

from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_messaging.settings import BrokerSettings


class GatewaySettings(BrokerSettings):
    """Environment: the name of each field in capitals, with ``GATEWAY_`` before it. Times in seconds."""

    prefix: ClassVar[str] = "GATEWAY_"

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
    ring_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    """How many of the newest messages the process remembers for those who come back."""
    replay_limit: Annotated[int, Field(ge=1)] = 10_000
    """The most missed messages a reader is told one by one; past it, ``reset``."""
    ping_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often sockets are pinged, and how long an answer may take."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How often an SSE stream says that it lives."""
    hello_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long a new socket may take to say hello."""
    frontend: str | None = None
    """Folder of the built page, served at ``/``; none: no page."""
