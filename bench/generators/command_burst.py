"""The load generator of ``commands``: creates, as fast as they are accepted."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from uuid import uuid4

from bench.clients.http_client import HttpClient
from bench.generators.process import JsonObject, generator_main, own_cpu_seconds, run_generator
from opsroom_contracts import endpoints
from opsroom_contracts.cloud.requests import CreateRequest
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import connect
from opsroom_messaging.client.request_client import RequestClient

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Burst:
    """``count`` creates over ``way`` (``NATS`` or ``HTTP``), at most ``at_once`` pending."""

    way: str
    port: int
    nats_url: str
    count: int
    at_once: int


@dataclass(slots=True)
class BurstFigures:
    """The accepted operations, and the number of rejected commands.

    ``elapsed``: seconds from the first request to the last response; ``generator_cpu``: the share of one
    core that the generator used.
    """

    operations: list[str] = field(default_factory=list)
    refused: int = 0
    elapsed: float = 0.0
    generator_cpu: float = 0.0


async def run_burst(plan: Burst) -> BurstFigures:
    """Run this burst in a separate process."""
    return BurstFigures(**await run_generator(__name__, asdict(plan)))


async def _burst(plan: Burst) -> BurstFigures:
    return await (_over_nats(plan) if plan.way == "NATS" else _over_http(plan))


async def _over_nats(plan: Burst) -> BurstFigures:
    broker = await connect(plan.nats_url, name="bench")
    requester = RequestClient(broker, timeout=_PATIENCE_SECONDS)

    async def create() -> str | None:
        try:
            # With an id, because the client retries after a timeout.
            request = CreateRequest(client_id=uuid4().hex)
            return (await requester.request(endpoints.CREATE_INSTANCE, request)).operation.id
        except FaultError:
            return None

    figures = await _measured([create] * plan.at_once, plan.count)
    await broker.close()
    return figures


async def _over_http(plan: Burst) -> BurstFigures:
    def creator(client: HttpClient) -> Callable[[], Awaitable[str | None]]:
        async def create() -> str | None:
            status, body = await client.post("/api/v1/cloud/instances")
            return str(json.loads(body)["operation"]["id"]) if status == 202 else None

        return create

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(HttpClient(plan.port)) for _ in range(plan.at_once)]
        return await _measured([creator(client) for client in clients], plan.count)


async def _measured(creators: list[Callable[[], Awaitable[str | None]]], count: int) -> BurstFigures:
    """Send ``count`` commands by ``creators``, each of which has one pending at a time."""
    figures = BurstFigures()
    tickets: Iterator[int] = iter(range(count))

    async def work(create: Callable[[], Awaitable[str | None]]) -> None:
        for _ in tickets:
            operation = await create()
            if operation is None:
                figures.refused += 1
            else:
                figures.operations.append(operation)

    cpu_before, begun = own_cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(work(create) for create in creators))
    figures.elapsed = time.perf_counter() - begun
    figures.generator_cpu = (own_cpu_seconds() - cpu_before) / figures.elapsed
    return figures


async def _run(plan: JsonObject) -> JsonObject:
    return asdict(await _burst(Burst(**plan)))


if __name__ == "__main__":
    generator_main(_run)
