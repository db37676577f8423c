"""What stored messages take in the broker's memory, and how soon a chat process works with them."""

import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.clients.acked_sender import AckedSender, Outcome
from bench.clients.admin import until_metric
from bench.generators.log_fill import ROOM, SIZE, fill
from bench.options import Options
from bench.results.statistics import percentile
from bench.results.table import Cell, Table
from bench.servers.portal import Servers, portal, stop_process
from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import connect
from opsroom_messaging.errors import MessagingError
from opsroom_runtime.process import run_tasks
from opsroom_testkit.ports import free_port, is_ready

_FIRST = 20_000
"""Stored before the first reading: a broker takes more once it has worked, and that is not the messages."""
_SETTLE_SECONDS = 15.0
_IDLE_SECONDS = 270.0
"""Go collects garbage every two minutes if nothing happens, and frees pooled buffers at the second time."""
_IDLE_FROM = 200_000
"""A run with fewer messages is a trial, which does not wait for that."""
_PATIENCE_SECONDS = 300.0
_PATIENCE_PER_MESSAGE = 0.001
_POLL_SECONDS = 0.05
_POSITION, _LIVE = "opsroom_stream_position", "opsroom_stream_live"
_SYNCED = "opsroom_message_index_synced"


@dataclass(slots=True)
class Start:
    """A start of the chat process, in seconds from its beginning; sends that were made meanwhile.

    Attributes:
        name: of the start.
        ready: until it was ready.
        complete: until its index was complete.
        peak: its resident memory when the index was complete, in bytes.
        idle: the same a moment later.
        sends: how long each send took until it was acknowledged or refused.
        accepted: the numbers of those that were acknowledged.
        stored_twice: how many of them were stored again when they were repeated at the end.
    """

    name: str
    ready: float = 0.0
    complete: float = 0.0
    peak: int = 0
    idle: int = 0
    sends: list[float] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    stored_twice: int = 0


def seconds(options: Options) -> float:
    """Return about how long it takes on two cores."""
    return 120 + (_IDLE_SECONDS if options.messages >= _IDLE_FROM else 0) + options.messages / 6_000


async def measure(options: Options) -> list[Table]:
    """Return the broker's memory in each stage, then starts with and without the file of the index."""
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        index, admin = Path(folder) / "index", free_port()
        environ = {"CHAT_INDEX_DIR": str(index), "CHAT_ADMIN_PORT": str(admin)}
        async with portal(delay=options.delay, pin=options.pin, chat_environ=environ) as servers:
            try:
                return await _Log(servers, admin, index, options.messages).tables()
            except MessagingError as error:
                raise ConnectionError(str(error)) from error


class _Log:
    """The stages of the scenario, on one portal."""

    def __init__(self, servers: Servers, admin: int, index: Path, count: int) -> None:
        self._servers = servers
        self._admin = admin
        self._index = index
        self._count = count
        self._patience = _PATIENCE_SECONDS + _PATIENCE_PER_MESSAGE * count
        self._stages: list[tuple[str, int, int]] = []
        """What was done, how many messages there are, and the broker's memory then."""

    async def tables(self) -> list[Table]:
        first = min(_FIRST, self._count)
        await asyncio.sleep(_SETTLE_SECONDS)
        self._note("empty", 0)
        await self._fill(range(first))
        self._note(f"the first {first:,} written", first)
        await self._fill(range(first, self._count))
        self._note("all written", self._count)
        if self._count >= _IDLE_FROM:
            await asyncio.sleep(_IDLE_SECONDS)
            self._note(f"{_IDLE_SECONDS:g} s later", self._count)
        await self._restart_broker()
        self._note("restarted", self._count)
        starts = {name: await self._chat_start(name) for name in ("with the file", "without the file")}
        return [self._memory_table(), _starts_table(starts, self._count)]

    def _note(self, stage: str, messages: int) -> None:
        memory = self._servers.resident_bytes()["nats"]
        self._stages.append((stage, messages, memory))
        print(f"bench: {stage}: nats-server takes {memory / 2**20:.1f} MiB", file=sys.stderr, flush=True)

    def _memory_table(self) -> Table:
        empty, first = self._stages[0][2], self._stages[1]
        rows: list[tuple[Cell, ...]] = [
            (
                stage,
                messages,
                memory / 2**20,
                (memory - empty) / messages if messages else "",
                (memory - first[2]) / (messages - first[1]) if messages > first[1] else "",
            )
            for stage, messages, memory in self._stages
        ]
        return Table(
            f"Resident memory of nats-server (messages of {SIZE} bytes)",
            ("stage", "messages", "MiB", "bytes/message", "bytes/message beyond the first"),
            rows,
        )

    async def _fill(self, numbers: range) -> None:
        """Store messages, and wait until the chat process has read them, and a moment longer."""
        last = await fill(self._servers.nats_url, numbers)
        await until_metric(self._admin, _POSITION, CHAT_STREAM, last, self._patience)
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _restart_broker(self) -> None:
        self._servers.processes["nats"].terminate()
        await self._servers.restart("nats")
        broker = await connect(self._servers.nats_url, name="bench", timeout=self._patience)
        await broker.close()
        await until_metric(self._admin, _LIVE, CHAT_STREAM, 1, self._patience)
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _chat_start(self, name: str) -> Start:
        """Start the chat process, and send from the moment it is ready until its index is complete."""
        await stop_process(self._servers.processes["chat"])
        if name == "without the file":
            shutil.rmtree(self._index)
        start, begun = Start(name), time.perf_counter()
        await self._servers.start("chat")
        async with asyncio.timeout(self._patience):
            while not await is_ready(self._admin):
                self._servers.check()
                await asyncio.sleep(_POLL_SECONDS)
        start.ready = time.perf_counter() - begun
        sender = AckedSender()
        try:
            async with run_tasks(None, sends=_keep_sending(sender, self._servers.port, start)):
                await until_metric(self._admin, _SYNCED, CHAT_STREAM, 1, self._patience)
                start.complete, start.peak = time.perf_counter() - begun, self._chat_memory()
            await _repeat(sender, start)
        finally:
            sender.close()
        await asyncio.sleep(_SETTLE_SECONDS)
        start.idle = self._chat_memory()
        print(f"bench: started {name}: complete after {start.complete:.1f} s", file=sys.stderr, flush=True)
        if sender.reason:
            print(f"bench: a send was refused: {sender.reason}", file=sys.stderr, flush=True)
        return start

    def _chat_memory(self) -> int:
        return psutil.Process(self._servers.processes["chat"].pid).memory_info().rss


def _starts_table(starts: dict[str, Start], count: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, start in starts.items():
        took = sorted(start.sends) or [0.0]
        memory = start.peak / 2**20, start.idle / 2**20
        middle, most = percentile(took, 0.5) * 1e3, took[-1] * 1e3
        refused = len(start.sends) - len(start.accepted)
        sends = len(start.sends), middle, most, refused, start.stored_twice
        rows.append((name, start.ready, start.complete, *memory, *sends))
    return Table(
        f"Start of a chat process on {count:,} messages, under sends one at a time",
        (
            *("message index", "ready s", "complete s", "chat MiB then", f"{_SETTLE_SECONDS:g} s later"),
            *("sends", "p50 ms", "max ms", "refused", "stored twice"),
        ),
        rows,
    )


async def _keep_sending(sender: AckedSender, port: int, start: Start) -> None:
    """Join, and send messages one at a time until cancelled."""
    await sender.open(port, number=time.time_ns())
    while True:
        begun = time.perf_counter()
        outcome = await sender.send(f"{start.name} {len(start.sends)}", ROOM, "x" * SIZE)
        if outcome is not Outcome.REFUSED:
            start.accepted.append(len(start.sends))
        start.sends.append(time.perf_counter() - begun)


async def _repeat(sender: AckedSender, start: Start) -> None:
    """Send everything again that was acknowledged, and note what was not recognized."""
    for number in start.accepted:
        outcome = await sender.send(f"{start.name} {number}", ROOM, "x" * SIZE)
        start.stored_twice += outcome is not Outcome.DUPLICATE
