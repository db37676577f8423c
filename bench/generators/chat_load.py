"""The load generator of ``path``: readers, some of which send."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from bench.clients.chat_reader import ChatReader
from bench.clients.chat_socket import is_welcome
from bench.generators.process import RUN_SECONDS, JsonObject, generator_main, own_cpu_seconds, run_generator
from bench.results.statistics import percentile
from bench.servers.portal import cpu_of
from bench.stores.joining import open_reader

MARK = b"bench:"
SAMPLE = 7
"""One reader of this many records latencies and checks the order."""
SETTLE_SECONDS = 60.0
_JOIN_SECONDS = 0.3
"""The longest that joins take on average, in the servers that are compared."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``protocol``: as in ``open_reader``; ``readers``: sockets, distributed over ``ports``.

    ``senders`` of them send, each one message at a time.

    ``seconds``: of sending; ``size``: bytes of text; ``pids``: the server processes by name.
    """

    ports: tuple[int, ...]
    pids: dict[str, int]
    protocol: str
    readers: int
    senders: int
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency percentiles in milliseconds."""

    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Figures:
    """``each``: latency from the send to each reader (a sample); ``last``: to the last of all readers.

    ``elapsed`` in seconds; ``cpu``: seconds that each server process used during sending, without the
    joins; ``generator_cpu``: the share of one core that the generator used.
    """

    messages: int
    elapsed: float
    deliveries: int
    each: Latency
    last: Latency
    misordered: int
    cpu: dict[str, float]
    generator_cpu: float


async def run_chat_load(plan: Plan) -> Figures:
    """Run this load in a separate process."""
    found = await run_generator(
        __name__, asdict(plan), plan.seconds + RUN_SECONDS + plan.readers * _JOIN_SECONDS
    )
    return Figures(**found | {name: Latency(**found[name]) for name in ("each", "last")})


class Run:
    """A run: all connect, the senders send, and all deliveries are awaited.

    All readers receive all messages in the same order, so the n-th message of any reader is the n-th of the
    first one. Only that reader, and the sample, parse the message number.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sent: list[float] = []
        self._done: list[asyncio.Future[None]] = []
        self._order: list[int] = []
        self._missing: list[int] = []
        self._got = [0] * plan.readers
        self._each: list[float] = []
        self._last: list[float] = []
        self._misordered = 0
        self._welcomed: set[int] = set()

    async def figures(self) -> Figures:
        """Run the plan."""
        plan = self._plan
        readers = [
            await open_reader(
                plan.ports[number % len(plan.ports)], plan.protocol, number, self._receiver(number)
            )
            for number in range(plan.readers)
        ]
        async with asyncio.timeout(SETTLE_SECONDS):
            while len(self._welcomed) < len(readers):
                await asyncio.sleep(0.01)
        cpu_before, begun = own_cpu_seconds(), time.perf_counter()
        until = begun + plan.seconds
        with cpu_of(plan.pids) as cpu:
            await asyncio.gather(*(self._send(reader, until) for reader in readers[: plan.senders]))
        elapsed, own_cpu = time.perf_counter() - begun, own_cpu_seconds() - cpu_before
        if any(reader.lost for reader in readers):
            raise ConnectionError("the server closed a socket meanwhile")
        for reader in readers:
            reader.close()
        return Figures(
            messages=len(self._sent),
            elapsed=elapsed,
            deliveries=sum(self._got),
            each=latency(self._each),
            last=latency(self._last),
            misordered=self._misordered,
            cpu=cpu,
            generator_cpu=own_cpu / elapsed,
        )

    def _receiver(self, reader: int) -> Callable[[bytes], None]:
        return partial(self._receive, reader, reader % SAMPLE == 0)

    def _receive(self, reader: int, sampled: bool, payload: bytes) -> None:
        if MARK not in payload:
            if is_welcome(payload):
                self._welcomed.add(reader)
            return
        now = time.perf_counter()
        place = self._got[reader]
        self._got[reader] = place + 1
        if place == len(self._order):
            self._order.append(_number_in(payload))
            self._missing.append(self._plan.readers)
        self._missing[place] -= 1
        number = self._order[place]
        if sampled:
            self._each.append((now - self._sent[number]) * 1e3)
            self._misordered += _number_in(payload) != number
        if self._missing[place] == 0:
            self._last.append((now - self._sent[number]) * 1e3)
            self._done[number].set_result(None)

    async def _send(self, reader: ChatReader, until: float) -> None:
        loop = asyncio.get_running_loop()
        while time.perf_counter() < until:
            done: asyncio.Future[None] = loop.create_future()
            number = len(self._sent)
            text = f"{MARK.decode()}{number}:".ljust(self._plan.size, "x")
            self._done.append(done)
            self._sent.append(time.perf_counter())
            reader.say(number, text)
            await asyncio.wait_for(done, SETTLE_SECONDS)


def _number_in(payload: bytes) -> int:
    start = payload.index(MARK) + len(MARK)
    return int(payload[start : payload.index(b":", start)])


def latency(values: list[float]) -> Latency:
    """Compute the percentiles of ``values`` in milliseconds; there must be at least one."""
    return Latency(percentile(values, 0.5), percentile(values, 0.99), max(values))


async def _run(plan: JsonObject) -> JsonObject:
    return asdict(await Run(Plan(**plan)).figures())


if __name__ == "__main__":
    generator_main(_run)
