"""The load generator of ``agents``: readers of the log of one server, each of which is checked."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil

from bench.generators.process import RUN_SECONDS, JsonObject, generator_main, own_cpu_seconds, run_generator
from bench.servers.portal import cpu_of
from opsroom_testkit.raw_connection import RawConnection, open_raw

_PIECE_BYTES = 256 * 1024
_STUCK_BUFFER_BYTES = 32 * 1024
"""The receive buffer of a stuck reader: what the system buffers for it is not lost."""
_MEMORY_SECONDS = 0.1
_EVENT = re.compile(rb"event: (\w+)\ndata: (\{[^\n]*\})\n\n")
_SKIPPED = re.compile(rb'^\{"seq":\d+,"skipped":(\d+),')
_NUMBERS = re.compile(rb'"text":"tick (\d+)"')


@dataclass(frozen=True, slots=True)
class LogPlan:
    """``readers`` of the log of ``server``, ``stuck`` of which read nothing for the first ``stuck_seconds``.

    ``pids``: the server processes by name.
    """

    port: int
    server: str
    readers: int
    stuck: int
    stuck_seconds: float
    seconds: float
    pids: dict[str, int]


@dataclass(frozen=True, slots=True)
class LogFigures:
    """``lines``: what each reader that was never stuck has got, together; ``elapsed``: in seconds.

    ``skipped``: lines that these were reported as lost, and ``unreported``: lost without a report, out of
    order or twice. ``stuck_lines``, ``stuck_skipped``, ``stuck_unreported``: the same of stuck readers.
    ``cpu``: seconds of each process; ``before``, ``peak``, ``after``: its resident memory in bytes.
    """

    lines: int
    elapsed: float
    skipped: int
    unreported: int
    stuck_lines: int
    stuck_skipped: int
    stuck_unreported: int
    cpu: dict[str, float]
    before: dict[str, int]
    peak: dict[str, int]
    after: dict[str, int]
    generator_cpu: float


async def run_log_readers(plan: LogPlan) -> LogFigures:
    """Run this load in a separate process."""
    return LogFigures(**await run_generator(__name__, asdict(plan), plan.seconds + RUN_SECONDS))


class LogReader:
    """Checks the order of what a reader gets. A line that is neither there nor reported is a fault."""

    def __init__(self) -> None:
        self.lines = 0
        self.skipped = 0
        self.unreported = 0
        self.ended = False
        self._next: int | None = None

    async def read(self, connection: RawConnection, until: float) -> None:
        """Read until the moment ``until``, or until the stream ends."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - loop.time())):
                while not self.ended:
                    self.ended = not await connection.read(_PIECE_BYTES)
                    self.take(connection.bytes)

    def take(self, data: bytearray) -> None:
        """Take all complete events from ``data``."""
        end = 0
        for found in _EVENT.finditer(data):
            end = found.end()
            if found[1] == b"log":
                self._check(found[2])
            else:
                self.ended = True
        del data[:end]

    def reset_counts(self) -> None:
        """Count from here on."""
        self.lines = self.skipped = self.unreported = 0

    def _check(self, payload: bytes) -> None:
        reported = _SKIPPED.match(payload)
        lost = 0 if reported is None else int(reported[1])
        self.skipped += lost
        for number in map(int, _NUMBERS.findall(payload)):
            if self._next is not None and number != self._next + lost:
                self.unreported += abs(number - self._next - lost)
            lost = 0
            self._next = number + 1
            self.lines += 1


class LogLoad:
    """All readers, and the memory of the servers meanwhile."""

    def __init__(self, plan: LogPlan) -> None:
        self._plan = plan
        self._processes = {name: psutil.Process(pid) for name, pid in plan.pids.items()}
        self._peak = self._resident()

    async def figures(self) -> LogFigures:
        """Run the plan."""
        plan = self._plan
        before = self._resident()
        connections = [await self._join(is_stuck=number < plan.stuck) for number in range(plan.readers)]
        readers = [LogReader() for _ in connections]
        both = list(zip(readers, connections, strict=True))
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(reader.read(connection, loop.time() + 1) for reader, connection in both))
        for reader in readers:
            reader.reset_counts()
        cpu_before, begun = own_cpu_seconds(), time.perf_counter()
        watching = asyncio.create_task(self._watch_memory())
        until = loop.time() + plan.seconds
        with cpu_of(plan.pids) as cpu:
            await asyncio.gather(
                *(self._follow(*each, until, number < plan.stuck) for number, each in enumerate(both))
            )
        elapsed, own_cpu = time.perf_counter() - begun, own_cpu_seconds() - cpu_before
        watching.cancel()
        if any(reader.ended for reader in readers):
            raise ConnectionError("a stream ended meanwhile")
        stuck, good = readers[: plan.stuck], readers[plan.stuck :]
        return LogFigures(
            lines=sum(one.lines for one in good),
            elapsed=elapsed,
            skipped=sum(one.skipped for one in good),
            unreported=sum(one.unreported for one in good),
            stuck_lines=sum(one.lines for one in stuck),
            stuck_skipped=sum(one.skipped for one in stuck),
            stuck_unreported=sum(one.unreported for one in stuck),
            cpu=cpu,
            before=before,
            peak=self._peak,
            after=self._resident(),
            generator_cpu=own_cpu / elapsed,
        )

    async def _join(self, *, is_stuck: bool) -> RawConnection:
        path = f"/api/v1/cloud/instances/{self._plan.server}/logs?tail=0&follow=true"
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nOpsroom-Name: bench\r\n\r\n"
        connection = await open_raw(self._plan.port, request.encode(), _STUCK_BUFFER_BYTES if is_stuck else 0)
        if not connection.head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the log was refused: {connection.head + connection.bytes!r}")
        return connection

    async def _follow(
        self, reader: LogReader, connection: RawConnection, until: float, is_stuck: bool
    ) -> None:
        if is_stuck:
            await asyncio.sleep(self._plan.stuck_seconds)
        await reader.read(connection, until)

    async def _watch_memory(self) -> None:
        self._peak = self._resident()
        while True:
            await asyncio.sleep(_MEMORY_SECONDS)
            now = self._resident()
            self._peak = {name: max(size, now[name]) for name, size in self._peak.items()}

    def _resident(self) -> dict[str, int]:
        return {name: one.memory_info().rss for name, one in self._processes.items()}


async def _run(plan: JsonObject) -> JsonObject:
    return asdict(await LogLoad(LogPlan(**plan)).figures())


if __name__ == "__main__":
    generator_main(_run)
