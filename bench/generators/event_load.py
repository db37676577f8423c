"""The load generator of ``path`` for the events of the dashboard."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import asdict

from bench.clients.http_client import HttpClient
from bench.clients.reader import EventStreamReader
from bench.generators.chat_load import SAMPLE, SETTLE_SECONDS, Figures, Latency, Plan, latency
from bench.generators.process import RUN_SECONDS, JsonObject, generator_main, own_cpu_seconds, run_generator
from bench.results.delivery_check import DeliveryFaults, check_delivery
from bench.servers.portal import cpu_of


async def run_event_load(plan: Plan) -> Figures:
    """Run this load in a separate process. It ignores ``plan.size`` and ``plan.protocol``."""
    found = await run_generator(__name__, asdict(plan), plan.seconds + RUN_SECONDS)
    return Figures(**found | {name: Latency(**found[name]) for name in ("each", "last")})


class EventRun:
    """All readers follow the events. A sender creates the next server when all have its last event."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._received: dict[str, int] = {}
        self._last_at: dict[str, float] = {}
        self._sample: list[tuple[str, float]] = []
        self._sent_at: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def figures(self) -> Figures:
        """Run the plan."""
        plan = self._plan
        readers = [EventStreamReader(number, self._receive) for number in range(plan.readers)]
        for number, reader in enumerate(readers):
            await reader.join(plan.ports[number % len(plan.ports)])
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(HttpClient(plan.ports[number % len(plan.ports)]))
                for number in range(plan.senders)
            ]
            cpu_before, begun = own_cpu_seconds(), time.perf_counter()
            until = begun + plan.seconds
            with cpu_of(plan.pids) as cpu:
                await asyncio.gather(*(self._send(client, until) for client in clients))
            elapsed, own_cpu = time.perf_counter() - begun, own_cpu_seconds() - cpu_before
        if any(reader.lost for reader in readers):
            raise ConnectionError("the server closed a stream meanwhile")
        faults = sum(
            (check_delivery(readers[0].got, reader.got) for reader in readers[::SAMPLE]), DeliveryFaults()
        )
        for reader in readers:
            reader.close()
        return Figures(
            messages=len(self._sent_at),
            elapsed=elapsed,
            deliveries=sum(self._received.values()),
            each=latency([(at - self._sent_at[key]) * 1e3 for key, at in self._sample]),
            last=latency([(at - self._sent_at[key]) * 1e3 for key, at in self._last_at.items()]),
            misordered=faults.misordered + faults.missed + faults.repeated,
            cpu=cpu,
            generator_cpu=own_cpu / elapsed,
        )

    def _receive(self, number: int, operation: str) -> None:
        now = time.perf_counter()
        received = self._received.get(operation, 0) + 1
        self._received[operation] = received
        if number % SAMPLE == 0:
            self._sample.append((operation, now))
        if received == self._plan.readers:
            self._last_at[operation] = now
            waiter = self._waiting.pop(operation, None)
            if waiter is not None:
                waiter.set_result(None)

    async def _send(self, client: HttpClient, until: float) -> None:
        while (begun := time.perf_counter()) < until:
            status, body = await client.post("/api/v1/cloud/instances")
            if status != 202:
                raise ConnectionError(f"a command was answered with {status}: {body[:200]!r}")
            operation = str(json.loads(body)["operation"]["id"])
            self._sent_at[operation] = begun
            if operation not in self._last_at:  # the events may arrive before the response
                waiter = self._waiting[operation] = asyncio.get_running_loop().create_future()
                await asyncio.wait_for(waiter, SETTLE_SECONDS)


async def _run(plan: JsonObject) -> JsonObject:
    return asdict(await EventRun(Plan(**plan)).figures())


if __name__ == "__main__":
    generator_main(_run)
