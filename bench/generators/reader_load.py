"""The load generator of ``memory`` and ``storm``: very many readers, each of which is checked."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

import psutil

from bench.clients.nats_client import ANSWER_SECONDS, connect_nats, register
from bench.clients.reader import SSE, EventStreamReader, Reader, SocketReader, allow_open_files, tokens
from bench.generators.process import JsonObject, generator_main, own_cpu_seconds, run_generator
from bench.results.delivery_check import DeliveryFaults, check_delivery
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.cloud.requests import CreateRequest, OperationReply
from opsroom_contracts.serialization.codec import contract_of, decode, encode

FIRST_AT_ONCE = 64
STORM_AT_ONCE = 512
PUBLISH_EVERY_SECONDS = 0.2
SETTLE_SECONDS = 2.0
STEP_SECONDS = 240.0
"""The timeout until all have joined, and until all have everything."""
MARK = "bench"

Publish = Callable[[], Awaitable[None]]
"""Publishes a message and waits until it is stored."""


@dataclass(frozen=True, slots=True)
class ReaderPlan:
    """``readers`` of ``kind`` at the gateway on ``port``; ``storm``: kill it (``pids``) and reconnect.

    ``share``: how many sockets each person has.
    """

    kind: str
    readers: int
    storm: bool
    port: int
    nats_port: int
    pids: dict[str, int]
    share: int


@dataclass(frozen=True, slots=True)
class ReaderFigures:
    """``joining``: seconds until all had joined the first time; ``grown``: growth in bytes by process.

    Of a storm, in seconds: ``down`` from the kill until the gateway listened again, ``live`` from then until
    all were up to date. ``rejected``: connection attempts that were refused and retried; ``messages``:
    how many were sent; ``faults``: (missed, repeated, misordered, unknown) of all readers together.
    ``generator_cpu``: the share of one core, until all were live.
    """

    joining: float
    grown: dict[str, int]
    generator_cpu: float
    down: float = 0.0
    live: float = 0.0
    rejected: int = 0
    messages: int = 0
    faults: tuple[int, int, int, int] = (0, 0, 0, 0)


async def run_reader_load(plan: ReaderPlan) -> ReaderFigures:
    """Run this load in a separate process."""
    return ReaderFigures(**await run_generator(__name__, asdict(plan), 4 * STEP_SECONDS))


class ReaderLoad:
    """All readers, and their publisher."""

    def __init__(self, plan: ReaderPlan, readers: list[Reader]) -> None:
        self._plan = plan
        self._readers = readers
        self._sent: list[str] = []
        self._rejected = 0

    async def figures(self) -> ReaderFigures:
        """Let all readers join; in a storm, also reconnect."""
        before, cpu, begun = self._resident(), own_cpu_seconds(), time.perf_counter()
        await self._join(self._readers, FIRST_AT_ONCE)
        joining = time.perf_counter() - begun
        share = (own_cpu_seconds() - cpu) / joining
        await asyncio.sleep(SETTLE_SECONDS)
        grown = {name: size - before[name] for name, size in self._resident().items()}
        if any(reader.lost for reader in self._readers):
            raise ConnectionError("the server closed a connection meanwhile")
        if not self._plan.storm:
            return ReaderFigures(joining, grown, share)
        return await self._storm(joining, grown)

    async def _storm(self, joining: float, grown: dict[str, int]) -> ReaderFigures:
        publish = await self._publisher()
        await publish()
        await self._all_have_everything()
        publishing = asyncio.create_task(_repeat(publish))
        await asyncio.sleep(SETTLE_SECONDS)
        cpu, killed = own_cpu_seconds(), time.perf_counter()
        os.kill(self._plan.pids["gateway"], signal.SIGKILL)
        while not all(reader.lost for reader in self._readers):
            await asyncio.sleep(0.01)
        await _listening(self._plan.port)
        back = time.perf_counter()
        await self._join(self._readers, STORM_AT_ONCE)
        await self._all_have_everything()
        live = time.perf_counter()
        share = (own_cpu_seconds() - cpu) / (live - killed)
        await asyncio.sleep(SETTLE_SECONDS)
        publishing.cancel()
        await asyncio.wait([publishing])
        with suppress(TimeoutError):  # what has not arrived by then counts as missed
            await self._all_have_everything()
        faults = sum((check_delivery(self._sent, reader.got) for reader in self._readers), DeliveryFaults())
        return ReaderFigures(
            joining,
            grown,
            share,
            back - killed,
            live - back,
            self._rejected,
            len(self._sent),
            (faults.missed, faults.repeated, faults.misordered, faults.unknown),
        )

    async def _join(self, readers: Sequence[Reader], at_once: int) -> None:
        """Let all join, ``at_once`` at a time. Rejected ones retry a little later."""
        slots = asyncio.Semaphore(at_once)

        async def join(reader: Reader) -> None:
            while True:
                async with slots:
                    try:
                        await reader.join(self._plan.port)
                        return
                    except (ConnectionError, OSError, TimeoutError):
                        self._rejected += 1
                await asyncio.sleep(random.uniform(0.2, 1.0))

        async with asyncio.timeout(STEP_SECONDS):
            await asyncio.gather(*map(join, readers))

    async def _all_have_everything(self) -> None:
        """Wait until all have as many messages as were sent so far. Disconnected ones reconnect."""
        count = len(self._sent)
        async with asyncio.timeout(STEP_SECONDS / 4):
            while any(len(reader.got) < count for reader in self._readers):
                lost = [reader for reader in self._readers if reader.lost]
                self._rejected += len(lost)
                await self._join(lost, STORM_AT_ONCE)
                await asyncio.sleep(0.02)

    async def _publisher(self) -> Publish:
        client = await connect_nats(self._plan.nats_port)
        user = await register(client, "publisher")

        async def message() -> None:
            key = str(len(self._sent))
            text = f"{MARK}:{key}:"
            request = SendRequest(user_id=user, client_id=uuid4().hex, room="general", text=text)
            await _done(client.request(endpoints.SEND.subject, encode(request)))
            self._sent.append(key)

        async def event() -> None:
            request = CreateRequest(client_id=uuid4().hex)
            answer = await _done(client.request(endpoints.CREATE_INSTANCE.subject, encode(request)))
            self._sent.append(decode(contract_of(OperationReply), answer).operation.id)

        return event if self._plan.kind == SSE else message

    def _resident(self) -> dict[str, int]:
        return {name: psutil.Process(pid).memory_info().rss for name, pid in self._plan.pids.items()}


async def _done(asked: asyncio.Future[tuple[bool, bytes]]) -> bytes:
    done, answer = await asyncio.wait_for(asked, ANSWER_SECONDS)
    if not done:
        raise ConnectionError(f"publishing was refused: {answer[:200]!r}")
    return answer


async def _repeat(publish: Publish) -> None:
    """Publish until cancelled, but complete the current message."""
    while True:
        await asyncio.shield(asyncio.ensure_future(publish()))
        await asyncio.sleep(PUBLISH_EVERY_SECONDS)


async def _listening(port: int) -> None:
    async with asyncio.timeout(STEP_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


async def _run(plan: dict[str, Any]) -> JsonObject:
    crowd = ReaderPlan(**plan)
    allow_open_files()
    if crowd.kind == SSE:
        readers: list[Reader] = [EventStreamReader(number) for number in range(crowd.readers)]
    else:
        known = await tokens(crowd.port, crowd.readers, crowd.share)
        readers = [SocketReader(number, token) for number, token in enumerate(known)]
    return asdict(await ReaderLoad(crowd, readers).figures())


if __name__ == "__main__":
    generator_main(_run)
