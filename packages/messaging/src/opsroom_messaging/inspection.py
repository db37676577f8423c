"""Looking at a running portal from the broker's side: who answers, what is stored, who lags behind.

Needs the rights of the operator.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from opsroom_contracts import subjects
from opsroom_messaging.connection import REQUEST_TIMEOUT_SECONDS, Broker, describe
from opsroom_messaging.stored import UnavailableError

_QUIET_SECONDS = 0.3
"""When nobody else has answered for so long, all have."""
_REPLICAS_MAX = 1000
STREAMS = (
    subjects.CHAT_STREAM,
    subjects.MEMBERS_STREAM,
    subjects.CLOUD_STREAM,
    f"KV_{subjects.GATEWAYS_BUCKET}",
)


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service: what it has answered and refused, and what it has in hand."""

    service: str
    id: str
    version: str
    started: str
    requests: int
    refusals: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream. ``lag``: messages that its slowest consumer has yet to be sent or to acknowledge."""

    name: str
    messages: int
    size: int
    last: int
    replicas: int
    consumers: int
    lag: int


@dataclass(frozen=True, slots=True)
class Survey:
    """A portal at one moment. ``clock_ahead``: seconds by which this machine is ahead of the broker."""

    broker: str
    clock_ahead: float
    replicas: tuple[Replica, ...]
    gateways: tuple[str, ...]
    streams: tuple[StreamState, ...]
    missing: tuple[str, ...]


async def survey(broker: Broker) -> Survey:
    """Ask everybody.

    Raises:
        UnavailableError: the broker did not answer.
    """
    answers = await _ask_all(broker, "$SRV.STATS")
    infos = {name: await _api(broker, f"STREAM.INFO.{name}", subjects_filter=">") for name in STREAMS}
    found = {name: info for name, info in infos.items() if "state" in info}
    streams = [await _stream(broker, name, info) for name, info in found.items()]
    leases = found.get(STREAMS[-1], {}).get("state", {}).get("subjects") or {}
    clock = await _api(broker, "STREAM.NAMES")
    version = broker.client.connected_server_version
    return Survey(
        broker=f"{version.major}.{version.minor}.{version.patch}",
        clock_ahead=_ahead(infos[STREAMS[0]].get("ts") or clock.get("ts")),
        replicas=tuple(sorted((_replica(answer) for answer in answers), key=lambda r: (r.service, r.id))),
        gateways=tuple(sorted(subject.rpartition(".")[2] for subject in leases)),
        streams=tuple(streams),
        missing=tuple(name for name in STREAMS if name not in found),
    )


async def _ask_all(broker: Broker, subject: str) -> list[dict[str, Any]]:
    answers: asyncio.Queue[Msg] = asyncio.Queue(_REPLICAS_MAX)

    async def take(message: Msg) -> None:
        if not answers.full():
            answers.put_nowait(message)

    found = []
    try:
        subscription = await broker.client.subscribe(inbox := broker.client.new_inbox(), cb=take)
        await broker.client.publish(subject, b"", reply=inbox)
        try:
            while True:
                async with asyncio.timeout(_QUIET_SECONDS):
                    message = await answers.get()
                if message.data:  # empty: nobody is there
                    found.append(json.loads(message.data))
        except TimeoutError:
            await subscription.unsubscribe()
    except NatsError as error:
        raise UnavailableError(f"asking {subject}: {error}") from error
    return found


async def _api(broker: Broker, name: str, **asked: object) -> dict[str, Any]:
    try:
        reply = await broker.client.request(
            f"$JS.API.{name}", json.dumps(asked).encode() if asked else b"", timeout=REQUEST_TIMEOUT_SECONDS
        )
    except (NatsError, TimeoutError) as error:
        raise UnavailableError(f"asking for {name}: {describe(error)}") from error
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def _stream(broker: Broker, name: str, info: dict[str, Any]) -> StreamState:
    consumers = (await _api(broker, f"CONSUMER.LIST.{name}")).get("consumers") or []
    state = info["state"]
    return StreamState(
        name=name,
        messages=state["messages"],
        size=state["bytes"],
        last=state["last_seq"],
        replicas=info["config"]["num_replicas"],
        consumers=len(consumers),
        lag=max((one["num_pending"] + one["num_ack_pending"] for one in consumers), default=0),
    )


def _replica(answer: dict[str, Any]) -> Replica:
    endpoints = answer.get("endpoints") or []
    data = endpoints[0].get("data") or {} if endpoints else {}
    return Replica(
        service=answer["name"],
        id=answer["id"],
        version=answer["version"],
        started=answer["started"],
        requests=sum(endpoint["num_requests"] for endpoint in endpoints),
        refusals=sum((data.get("refusals") or {}).values()),
        in_flight=data.get("in_flight", 0),
    )


def _ahead(broker_time: str | None) -> float:
    if broker_time is None:
        return 0.0
    whole, _, fraction = broker_time.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}").replace(tzinfo=UTC)
    return (datetime.now(UTC) - moment).total_seconds()
