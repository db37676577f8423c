"""How late the end of a command is, when the machine has little else to do."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from bench.clients.event_watcher import EventWatcher, watch_events
from bench.options import Options
from bench.results.statistics import percentile, spread
from bench.results.table import Cell, Table
from bench.servers.portal import portal
from opsroom_contracts import endpoints
from opsroom_contracts.cloud.requests import CreateRequest
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient

COUNT = 1_000
SPREAD_SECONDS = 2.0
AT_ONCE = 25
DONE_SECONDS = 60.0
_CLOCKS: tuple[tuple[str, Callable[[EventWatcher], list[float]]], ...] = (
    ("by the event's timestamp", lambda watcher: watcher.late_said_ms),
    ("by the broker, when stored", lambda watcher: watcher.late_stored_ms),
)


async def measure(options: Options) -> list[Table]:
    """1,000 creates accepted over two seconds: the end of each against its due time."""
    rounds = [await _round(options) for _ in range(options.rounds)]
    rows: list[tuple[Cell, ...]] = []
    for name, read in _CLOCKS:
        late = [read(watcher) for watcher in rounds]
        rows.append(
            (
                name,
                spread([min(values) for values in late]),
                spread([percentile(values, 0.5) for values in late]),
                spread([percentile(values, 0.99) for values in late]),
                spread([max(values) for values in late]),
                sum(value < 0 for values in late for value in values),
                sum(map(len, late)),
            )
        )
    title = f"Lateness of {COUNT:,} ends (delay {options.delay:g} s, rounds: {options.rounds})"
    headers = ("", "min ms", "p50 ms", "p99 ms", "max ms", "too early", "of")
    return [Table(title, headers, rows)]


async def _round(options: Options) -> EventWatcher:
    async with portal(delay=options.delay, pin=options.pin) as servers:
        broker = await connect(servers.nats_url, name="bench")
        try:
            requester = RequestClient(broker, timeout=DONE_SECONDS)
            async with watch_events(broker) as watcher:
                operations: list[str] = []
                for _ in range(COUNT // AT_ONCE):
                    pause = asyncio.create_task(asyncio.sleep(SPREAD_SECONDS / (COUNT // AT_ONCE)))
                    operations += await asyncio.gather(*(_create(requester) for _ in range(AT_ONCE)))
                    await pause
                await watcher.wait_done(operations, options.delay + DONE_SECONDS, servers.check)
            return watcher
        finally:
            await broker.close()


async def _create(requester: RequestClient) -> str:
    request = CreateRequest(client_id=uuid4().hex)
    return (await requester.request(endpoints.CREATE_INSTANCE, request)).operation.id
