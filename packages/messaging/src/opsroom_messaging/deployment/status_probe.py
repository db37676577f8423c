"""Looking at a running portal from the broker's side: who answers, what is stored, who lags behind.

Needs the rights of the operator or of a gateway.
"""

import json
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, get_args

from nats.errors import Error as NatsError

from opsroom_contracts.status import REPLICAS_MAX, ReplicaStatus, ServiceName, Status, StreamStatus
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.client.scatter_gather import request_many
from opsroom_messaging.deployment.permissions import SURVEYED
from opsroom_messaging.jetstream.stream_reader import UnavailableError

_SERVICES: Final = get_args(ServiceName)


async def collect_status(broker: NatsConnection) -> Status:
    """Ask everybody.

    Raises:
        UnavailableError: the broker did not answer.
    """
    began = monotonic()
    await _api(broker, "INFO")
    round_trip = monotonic() - began
    answers = await request_many(broker, "$SRV.STATS", b"", most=REPLICAS_MAX)
    streams = [await _stream(broker, name) for name in SURVEYED]
    told: list[dict[str, Any]] = [json.loads(answer) for answer in answers]
    ours = (_replica(one) for one in told if one.get("name") in _SERVICES)
    replicas = tuple(sorted(ours, key=lambda one: (_SERVICES.index(one.service), one.started_at, one.id)))
    found = [one for one in streams if one is not None]
    there = {one.service for one in replicas} | {one.name for one, _ in found}
    version = broker.client.connected_server_version
    return Status(
        at=datetime.now(UTC),
        took_ms=_milliseconds(monotonic() - began),
        broker_version=f"{version.major}.{version.minor}.{version.patch}",
        round_trip_ms=_milliseconds(round_trip),
        clock_ahead_ms=_milliseconds(min((ahead for _, ahead in found), key=abs, default=0.0)),
        replicas=replicas[:REPLICAS_MAX],
        streams=tuple(one for one, _ in found),
        missing=tuple(name for name in (*_SERVICES, *SURVEYED) if name not in there),
    )


async def _api(broker: NatsConnection, name: str, **asked: object) -> dict[str, Any]:
    try:
        reply = await broker.client.request(
            f"$JS.API.{name}", json.dumps(asked).encode() if asked else b"", timeout=REQUEST_TIMEOUT_SECONDS
        )
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"asking for {name}: {describe(error)}") from error
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def _stream(broker: NatsConnection, name: str) -> tuple[StreamStatus, float] | None:
    """The stream, and by how many seconds our clock is ahead of the broker's; None: it is not there."""
    info = await _api(broker, f"STREAM.INFO.{name}")
    ahead = _ahead(info.get("ts"))
    if "state" not in info:
        return None
    consumers = (await _api(broker, f"CONSUMER.LIST.{name}")).get("consumers") or []
    state = info["state"]
    found = StreamStatus(
        name=name,
        messages=state["messages"],
        size_bytes=state["bytes"],
        last_seq=state["last_seq"],
        copies=info["config"]["num_replicas"],
        consumers=len(consumers),
        lag=max((one["num_pending"] + one["num_ack_pending"] for one in consumers), default=0),
    )
    return found, ahead


def _replica(answer: dict[str, Any]) -> ReplicaStatus:
    endpoints = answer.get("endpoints") or []
    data = endpoints[0].get("data") or {} if endpoints else {}
    return ReplicaStatus(
        service=answer["name"],
        id=answer["id"],
        version=answer["version"],
        started_at=_moment(answer["started"]),
        requests=sum(endpoint["num_requests"] for endpoint in endpoints),
        refusals=sum((data.get("refusals") or {}).values()),
        in_flight=data.get("in_flight", 0),
        sockets=data.get("sockets"),
        streams=data.get("streams"),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _moment(said: str) -> datetime:
    """What the broker and its services write, down to the nanosecond."""
    whole, _, fraction = said.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}").replace(tzinfo=UTC)


def _ahead(broker_time: str | None) -> float:
    return 0.0 if broker_time is None else (datetime.now(UTC) - _moment(broker_time)).total_seconds()
