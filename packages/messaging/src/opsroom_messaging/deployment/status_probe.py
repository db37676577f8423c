"""The status of a running portal, collected through the broker: replicas, streams and lag.

Requires the permissions of the operator or of a gateway.
"""

import json
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, get_args

from nats.errors import Error as NatsError

from opsroom_contracts.status import (
    OPTIONAL_SERVICES,
    PROBLEM_MAX,
    REPLICAS_MAX,
    ReplicaStatus,
    ServiceName,
    Status,
    StreamStatus,
)
from opsroom_contracts.text import clip
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.client.scatter_gather import request_many
from opsroom_messaging.deployment.permissions import MONITORED_STREAMS
from opsroom_messaging.errors import UnavailableError

_SERVICES: Final = get_args(ServiceName)
_REQUIRED: Final = tuple(name for name in _SERVICES if name not in OPTIONAL_SERVICES)


async def collect_status(broker: NatsConnection) -> Status:
    """Request the statistics of all services and streams.

    Raises:
        UnavailableError: the broker did not reply.
    """
    started_at = monotonic()
    await _api_request(broker, "INFO")
    round_trip = monotonic() - started_at
    replies = await request_many(broker, "$SRV.STATS", b"", max_replies=REPLICAS_MAX)
    stream_results = [await _stream_status(broker, name) for name in MONITORED_STREAMS]
    statistics: list[dict[str, Any]] = [json.loads(reply) for reply in replies]
    ours = (_replica(one) for one in statistics if one.get("name") in _SERVICES)
    replicas = tuple(sorted(ours, key=lambda one: (_SERVICES.index(one.service), one.started_at, one.id)))
    streams = [one for one in stream_results if one is not None]
    present = {one.service for one in replicas} | {stream.name for stream, _ in streams}
    version = broker.client.connected_server_version
    return Status(
        at=datetime.now(UTC),
        took_ms=_milliseconds(monotonic() - started_at),
        broker_version=f"{version.major}.{version.minor}.{version.patch}",
        round_trip_ms=_milliseconds(round_trip),
        clock_ahead_ms=_milliseconds(min((ahead for _, ahead in streams), key=abs, default=0.0)),
        replicas=replicas[:REPLICAS_MAX],
        streams=tuple(stream for stream, _ in streams),
        missing=tuple(name for name in (*_REQUIRED, *MONITORED_STREAMS) if name not in present),
    )


async def _api_request(broker: NatsConnection, name: str) -> dict[str, Any]:
    try:
        reply = await broker.client.request(f"$JS.API.{name}", b"", timeout=REQUEST_TIMEOUT_SECONDS)
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"requesting {name}: {describe(error)}") from error
    response: dict[str, Any] = json.loads(reply.data)
    return response


async def _stream_status(broker: NatsConnection, name: str) -> tuple[StreamStatus, float] | None:
    """The stream's status, and how many seconds our clock is ahead of the broker's; None: no such stream."""
    info = await _api_request(broker, f"STREAM.INFO.{name}")
    ahead = _clock_ahead(info.get("ts"))
    if "state" not in info:
        return None
    consumers = (await _api_request(broker, f"CONSUMER.LIST.{name}")).get("consumers") or []
    state = info["state"]
    status = StreamStatus(
        name=name,
        messages=state["messages"],
        size_bytes=state["bytes"],
        last_seq=state["last_seq"],
        copies=info["config"]["num_replicas"],
        consumers=len(consumers),
        lag=max((one["num_pending"] + one["num_ack_pending"] for one in consumers), default=0),
    )
    return status, ahead


def problem_in(statistics: dict[str, Any]) -> str | None:
    """Why the process with these statistics is not ready; None if it is, or if an older release runs it."""
    problem = _data(statistics).get("problem")
    return clip(problem, PROBLEM_MAX) if isinstance(problem, str) else None


def _data(statistics: dict[str, Any]) -> dict[str, Any]:
    """What our processes add to their statistics, the same at each endpoint."""
    endpoints = statistics.get("endpoints") or []
    return endpoints[0].get("data") or {} if endpoints else {}


def _replica(statistics: dict[str, Any]) -> ReplicaStatus:
    endpoints = statistics.get("endpoints") or []
    data = _data(statistics)
    return ReplicaStatus(
        service=statistics["name"],
        id=statistics["id"],
        version=statistics["version"],
        started_at=_parse_time(statistics["started"]),
        requests=sum(endpoint["num_requests"] for endpoint in endpoints),
        refusals=sum((data.get("refusals") or {}).values()),
        in_flight=data.get("in_flight", 0),
        sockets=data.get("sockets"),
        streams=data.get("streams"),
        problem=problem_in(statistics),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _parse_time(text: str) -> datetime:
    """Parse a UTC timestamp of the broker or a service, which has nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}").replace(tzinfo=UTC)


def _clock_ahead(broker_time: str | None) -> float:
    return 0.0 if broker_time is None else (datetime.now(UTC) - _parse_time(broker_time)).total_seconds()
