"""Commands: how many are accepted a second, how long until all are done, and how late each is."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from bench.portal import Servers, portal
from bench.table import Table, figure, percentile
from opsroom_contracts.cloud import INSTANCE_EVENT, CreateRequest, EventType, InstanceEvent, OperationReply
from opsroom_contracts.codec import decode
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM, CloudSubject
from opsroom_messaging.connection import Broker, connect
from opsroom_messaging.follower import Follow, Follower, Source
from opsroom_messaging.process import running
from opsroom_messaging.requests import Requester
from opsroom_messaging.stored import Stored

BURST = 10_000
LATE_COUNT = 1_000
LATE_SPREAD_SECONDS = 2.0
AT_ONCE = 256
DONE_SECONDS = 120.0


@dataclass(slots=True)
class Watched:
    """A sink that keeps when each operation was received, was due and was done, by the broker's clock."""

    received: dict[str, InstanceEvent] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)
    last_done: float = 0.0

    def begin(self, *, fresh: bool) -> None:
        """Nothing to forget: the stream is followed once."""

    def deliver(self, message: Stored) -> None:
        """One event."""
        event = decode(INSTANCE_EVENT, message.data)
        if event.type is EventType.RECEIVED:
            self.received[event.operation_id] = event
        elif event.type is EventType.CREATED:
            self.done[event.operation_id] += 1
            due = self.received[event.operation_id].due_at
            if due is not None and message.at is not None:
                self.late_ms.append((message.at - due).total_seconds() * 1e3)
            self.last_done = time.perf_counter()

    def caught_up(self) -> None:
        """Nothing to do."""


async def measure_burst(*, delay: float, pin: bool) -> list[Table]:
    """10,000 creates in one burst, over NATS and over HTTP."""
    rows = []
    for way in ("NATS", "HTTP"):
        async with portal(delay=delay, pin=pin) as servers:
            rows.append(await _burst(servers, way, delay))
    headers = (
        "over",
        "accepted/s",
        "first accepted to last done, beyond the delay, s",
        "done once",
        "done more than once",
        "cloud RSS MiB",
        "nats RSS MiB",
    )
    return [Table(f"{BURST:,} creates in one burst, delay {delay:g} s", headers, rows)]


async def measure_lateness(*, delay: float, pin: bool) -> list[Table]:
    """1,000 operations accepted over two seconds: how late each is done."""
    async with portal(delay=delay, pin=pin) as servers:
        broker = await connect(servers.nats_url, name="bench")
        watched = Watched()
        async with running(follower=_follower(broker, watched).run()):
            requester = Requester(broker, patience=60)
            for _ in range(LATE_COUNT // 25):
                pause = asyncio.create_task(asyncio.sleep(LATE_SPREAD_SECONDS / (LATE_COUNT // 25)))
                await asyncio.gather(*(_create(requester) for _ in range(25)))
                await pause
            await _all_done(watched, LATE_COUNT)
        await broker.close()
    late = watched.late_ms
    row = (
        figure(delay),
        figure(min(late)),
        *(figure(percentile(late, share)) for share in (0.5, 0.99)),
        figure(max(late)),
    )
    headers = ("delay s", "earliest ms", "p50 ms", "p99 ms", "latest ms")
    return [Table(f"Lateness of {LATE_COUNT:,} delayed events: stored after due", headers, [row])]


async def _burst(servers: Servers, way: str, delay: float) -> tuple[str, ...]:
    broker = await connect(servers.nats_url, name="bench")
    watched = Watched()
    async with running(follower=_follower(broker, watched).run()):
        begun = time.perf_counter()
        if way == "NATS":
            requester = Requester(broker, patience=60)
            slots = asyncio.Semaphore(AT_ONCE * 8)

            async def one() -> None:
                async with slots:
                    await _create(requester)

            await asyncio.gather(*(one() for _ in range(BURST)))
        else:
            await _create_over_http(servers.port)
        accepted = time.perf_counter() - begun
        await _all_done(watched, BURST)
    await broker.close()
    memory = servers.resident_bytes()
    return (
        way,
        figure(BURST / accepted),
        figure(watched.last_done - begun - delay),
        figure(sum(count == 1 for count in watched.done.values())),
        figure(sum(count > 1 for count in watched.done.values())),
        figure(memory["cloud"] / 2**20),
        figure(memory["nats"] / 2**20),
    )


async def _create(requester: Requester) -> None:
    await requester.ask(CloudSubject.CREATE, CreateRequest(), OperationReply)


async def _create_over_http(port: int) -> None:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with slots:
                (await client.post("/api/v1/cloud/instances")).raise_for_status()

        await asyncio.gather(*(one() for _ in range(BURST)))


def _follower(broker: Broker, watched: Watched) -> Follower:
    return Follower(broker, Source(CLOUD_STREAM, (CLOUD_EVENTS,), Follow.EVENTS), watched)


async def _all_done(watched: Watched, count: int) -> None:
    async with asyncio.timeout(DONE_SECONDS):
        while len(watched.done) < count:
            await asyncio.sleep(0.02)
