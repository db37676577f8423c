"""A command that is said in the chat, beside the same one over HTTP: how long until it is accepted."""

import asyncio
from time import monotonic

from bench.options import Options
from bench.results.statistics import percentile
from bench.results.table import Cell, Table
from bench.servers.portal import portal
from opsroom_client import Opsroom
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.subjects import CLOUD_EVENTS
from opsroom_messaging.client.connection import NatsConnection, connect

COUNT = 200
"""Commands of each way, one after another."""
_WARM_UP = 10
_SECONDS = 30.0
_HEADERS = ("way", "commands", "accepted p50 ms", "p95 ms", "p99 ms", "most ms")


class _Acceptances:
    """When the event of each accepted command arrived, by the name of its server."""

    def __init__(self) -> None:
        self._seen: dict[str, asyncio.Future[float]] = {}

    def expect(self, name: str) -> "asyncio.Future[float]":
        """Return a future with the time at which the command for ``name`` is accepted."""
        return self._seen.setdefault(name, asyncio.get_running_loop().create_future())

    def on_event(self, payload: bytes) -> None:
        """Note an event."""
        event = INSTANCE_EVENT.read(payload)
        found = self._seen.get(event.name or "")
        if event.type is EventType.RECEIVED and found is not None and not found.done():
            found.set_result(monotonic())


async def measure(options: Options) -> list[Table]:
    """Creations over HTTP, and by a message, each until its event has arrived at a subscriber."""
    ways: dict[str, list[float]] = {"POST /api/v1/cloud/instances": [], "/create in the chat": []}
    async with portal(delay=3600, pin=options.pin, incidents=True) as servers:
        broker = await connect(servers.nats_url, name="bench")
        try:
            await _measure(broker, f"http://127.0.0.1:{servers.port}", ways)
        finally:
            await broker.close()
    rows: list[tuple[Cell, ...]] = [
        (way, len(times), *(percentile(times, share) * 1e3 for share in (0.5, 0.95, 0.99)), max(times) * 1e3)
        for way, times in ways.items()
    ]
    return [Table("A command until it is accepted, one at a time", _HEADERS, rows)]


async def _measure(broker: NatsConnection, url: str, ways: dict[str, list[float]]) -> None:
    acceptances = _Acceptances()
    await broker.subscribe(CLOUD_EVENTS, acceptances.on_event)
    direct, said = ways.values()
    async with Opsroom(url) as anonymous:
        registered = await anonymous.register("bench")
    async with Opsroom(url, token=registered.token) as opsroom, opsroom.chat(registered.token) as chat:
        for number in range(_WARM_UP + COUNT):
            for way, times in (("direct", direct), ("said", said)):
                name = f"{way}-{number}"
                accepted, started_at = acceptances.expect(name), monotonic()
                if way == "direct":
                    await opsroom.cloud.create(name=name)
                else:
                    await chat.send(f"/create as {name}")
                async with asyncio.timeout(_SECONDS):
                    took = await accepted - started_at
                if number >= _WARM_UP:
                    times.append(took)
