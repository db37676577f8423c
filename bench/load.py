"""The load generator, a process of its own: ``python -m bench.load PLAN``; plan and figures are JSON."""

import asyncio
import json
import resource
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass

from bench.wire import Reader, connect

MARK = b"bench:"
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``dialect`` v1 or course; ``readers`` sockets, of which ``senders`` send one message at a time each.

    ``seconds`` of sending, messages of ``size`` bytes of text.
    """

    port: int
    dialect: str
    readers: int
    senders: int
    seconds: float
    size: int


@dataclass(slots=True)
class Figures:
    """Latencies in ms: to each reader (``deliveries``), and to the last of them (``slowest``)."""

    messages: int
    elapsed: float
    deliveries: int
    each_ms: list[float]
    slowest_ms: list[float]
    generator_cpu: float


class Run:
    """One run: everybody connects, the senders send, everything is waited for."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sent: list[float] = []
        self._seen: list[int] = []
        self._done: list[asyncio.Future[None]] = []
        self._each: list[float] = []
        self._slowest: list[float] = []
        self._welcomed = 0
        self._next_sample = 0

    async def figures(self) -> Figures:
        """Run the plan."""
        readers = [await self._open(number) for number in range(self._plan.readers)]
        async with asyncio.timeout(SETTLE_SECONDS):
            while self._welcomed < len(readers):
                await asyncio.sleep(0.01)
        before = _cpu()
        begun = time.perf_counter()
        until = begun + self._plan.seconds
        await asyncio.gather(*(self._send(reader, until) for reader in readers[: self._plan.senders]))
        elapsed = time.perf_counter() - begun
        used = _cpu() - before
        for reader in readers:
            reader.close()
        return Figures(len(self._sent), elapsed, sum(self._seen), self._each, self._slowest, used / elapsed)

    async def _open(self, number: int) -> Reader:
        if self._plan.dialect == "course":
            return await connect(self._plan.port, "/chat/", self._receive)
        body = json.dumps({"name": f"reader {number}"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._plan.port}/api/v1/chat/users",
            body,
            {"Content-Type": "application/json"},
        )
        with await asyncio.to_thread(urllib.request.urlopen, request, timeout=10) as answer:
            token = json.load(answer)["token"]
        reader = await connect(self._plan.port, "/api/v1/chat/ws", self._receive)
        reader.send(json.dumps({"type": "hello", "token": token}).encode())
        return reader

    def _receive(self, payload: bytes) -> None:
        at = payload.find(MARK)
        if at < 0:
            if payload.startswith((b"[", b'{"type":"welcome"')):
                self._welcomed += 1
            return
        now = time.perf_counter()
        number = int(payload[at + len(MARK) : payload.index(b":", at + len(MARK))])
        self._seen[number] += 1
        if number % 7 == self._seen[number] % 7:  # a sample, so that keeping figures costs little
            self._each.append((now - self._sent[number]) * 1e3)
        if self._seen[number] == self._plan.readers:
            self._slowest.append((now - self._sent[number]) * 1e3)
            self._done[number].set_result(None)

    async def _send(self, reader: Reader, until: float) -> None:
        loop = asyncio.get_running_loop()
        while time.perf_counter() < until:
            number = len(self._sent)
            done: asyncio.Future[None] = loop.create_future()
            self._done.append(done)
            self._seen.append(0)
            self._sent.append(time.perf_counter())
            reader.send(self._frame(number))
            await asyncio.wait_for(done, SETTLE_SECONDS)

    def _frame(self, number: int) -> bytes:
        text = f"{MARK.decode()}{number}:".ljust(self._plan.size, "x")
        if self._plan.dialect == "course":
            return json.dumps({"type": "send", "message": text, "user": {"name": "bench"}}).encode()
        return json.dumps({"type": "send", "clientId": str(number), "room": "general", "text": text}).encode()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _main() -> None:
    figures = await Run(Plan(**json.loads(sys.argv[1]))).figures()
    json.dump(asdict(figures), sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
