"""What stored messages take in the broker's memory, and how soon a chat process works with them.

The messages are written as a chat process stores them, but not through one: a million would take minutes.
"""

import asyncio
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.clients.nats_client import connect_nats, register
from bench.options import Options
from bench.results.statistics import percentile
from bench.results.table import Cell, Table
from bench.servers.portal import Servers, portal, stop_process
from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import SendRequest, User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import CHAT_STREAM, former_message_subject, message_subject
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.writes import Write, WritePublisher
from opsroom_runtime.process import run_tasks
from opsroom_testkit.ports import free_port, is_ready

ROOM = "general"
SIZE = 200
_BATCH = 1000
_FIRST = 20_000
"""Stored before the first reading: a broker takes more once it has worked, and that is not the messages."""
_SETTLE_SECONDS = 15.0
_PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.05
_SYNCED = "opsroom_message_index_synced"


@dataclass(slots=True)
class Memory:
    """Resident memory of nats-server in bytes, with a few messages and with all of them.

    Attributes:
        first: with the first messages, so that it has grown as far as the work itself makes it.
        first_restarted: the same after a restart.
    """

    first: int = 0
    first_restarted: int = 0
    filled: int = 0
    restarted: int = 0


@dataclass(slots=True)
class Start:
    """A start of the chat process, in seconds from its beginning; sends that were made meanwhile.

    Attributes:
        ready: until it was ready.
        complete: until its index was complete.
        sends: how long each send took until it was acknowledged.
        refused: how many sends were not acknowledged.
    """

    ready: float = 0.0
    complete: float = 0.0
    sends: list[float] = field(default_factory=list)
    refused: int = 0


async def measure(options: Options) -> list[Table]:
    """Shared subjects, and a subject for each message as before; then starts with and without the file."""
    count = options.messages
    shared, former, starts = Memory(), Memory(), dict[str, Start]()
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        index, admin = Path(folder) / "index", free_port()
        environ = {"CHAT_INDEX_DIR": str(index), "CHAT_ADMIN_PORT": str(admin)}
        async with portal(delay=options.delay, pin=options.pin, chat_environ=environ) as servers:
            await _fill(servers, admin, former, count, is_former=True)
        async with portal(delay=options.delay, pin=options.pin, chat_environ=environ) as servers:
            await _fill(servers, admin, shared, count, is_former=False)
            for name in ("with the file", "without the file"):
                await stop_process(servers.processes["chat"])
                if name == "without the file":
                    shutil.rmtree(index)
                starts[name] = await _start(servers, admin)
    return [
        Table(
            f"Resident memory of nats-server ({count:,} messages of {SIZE} bytes)",
            (
                "stored on",
                f"first {_FIRST:,} MiB",
                "all MiB",
                "bytes/message",
                "restarted: first MiB",
                "all MiB",
                "bytes/message",
            ),
            [_memory_row("shared subjects", shared, count), _memory_row("a subject each", former, count)],
        ),
        Table(
            f"Start of a chat process on {count:,} messages, under sends one at a time",
            ("message index", "ready s", "complete s", "sends", "p50 ms", "max ms", "refused"),
            [_start_row(name, start) for name, start in starts.items()],
        ),
    ]


def _memory_row(name: str, memory: Memory, count: int) -> tuple[Cell, ...]:
    more = max(1, count - _FIRST)
    return (
        name,
        memory.first / 2**20,
        memory.filled / 2**20,
        (memory.filled - memory.first) / more,
        memory.first_restarted / 2**20,
        memory.restarted / 2**20,
        (memory.restarted - memory.first_restarted) / more,
    )


def _start_row(name: str, start: Start) -> tuple[Cell, ...]:
    took = sorted(start.sends) or [0.0]
    middle, most = percentile(took, 0.5) * 1e3, took[-1] * 1e3
    return name, start.ready, start.complete, len(start.sends), middle, most, start.refused


async def _fill(servers: Servers, admin: int, memory: Memory, count: int, *, is_former: bool) -> None:
    first = min(_FIRST, count)
    memory.first = await _store(servers, admin, range(first), is_former=is_former)
    memory.first_restarted = await _restart_broker(servers, admin)
    memory.filled = await _store(servers, admin, range(first, count), is_former=is_former)
    memory.restarted = await _restart_broker(servers, admin)


async def _store(servers: Servers, admin: int, numbers: range, *, is_former: bool) -> int:
    """Store messages; return the broker's memory once the chat process has read them, too."""
    broker = await connect(servers.nats_url, name="bench")
    try:
        publisher = WritePublisher(broker)
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            await publisher.store_together([_write(number, is_former=is_former) for number in batch])
        last = (await broker.jetstream.stream_info(CHAT_STREAM)).state.last_seq
    finally:
        await broker.close()
    return await _settled(servers, admin, "opsroom_stream_position", last)


def _write(number: int, *, is_former: bool) -> Write:
    message_id = f"{number * 2654435761 % 2**64:032x}"
    event = MessageEvent(
        id=message_id,
        room=ROOM,
        user=User(id=f"sender-{number % 100}", name=f"sender {number % 100}"),
        text="x" * SIZE,
        timestamp=to_milliseconds(datetime.now(UTC)),
        client_id=str(number),
    )
    subject = former_message_subject(ROOM, message_id) if is_former else message_subject(ROOM, message_id)
    return Write(subject, encode(event))


async def _restart_broker(servers: Servers, admin: int) -> int:
    """Restart the broker; return its memory."""
    servers.processes["nats"].terminate()
    await servers.restart("nats")
    broker = await connect(servers.nats_url, name="bench", timeout=_PATIENCE_SECONDS)
    await broker.close()
    return await _settled(servers, admin, "opsroom_stream_live", 1)


async def _settled(servers: Servers, admin: int, metric: str, value: float) -> int:
    """Wait until a metric of chat has ``value``, and a moment longer; return the broker's memory."""
    await _until(admin, metric, value)
    await asyncio.sleep(_SETTLE_SECONDS)
    return servers.resident_bytes()["nats"]


async def _start(servers: Servers, admin: int) -> Start:
    """Start the chat process, and send from the moment it is ready until its index is complete."""
    start, begun = Start(), time.perf_counter()
    await servers.start("chat")
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await is_ready(admin):
            servers.check()
            await asyncio.sleep(_POLL_SECONDS)
        start.ready = time.perf_counter() - begun
        async with run_tasks(None, sends=_keep_sending(servers, start)):
            await _until(admin, _SYNCED, 1)
            start.complete = time.perf_counter() - begun
    return start


async def _keep_sending(servers: Servers, start: Start) -> None:
    client = await connect_nats(servers.nats_port)
    try:
        user = await register(client, f"sender {len(start.sends)}")
        while True:
            request = SendRequest(user_id=user, client_id=f"{time.time_ns()}", room=ROOM, text="x" * SIZE)
            begun = time.perf_counter()
            is_stored, _ = await client.request(endpoints.SEND.subject, encode(request))
            start.sends.append(time.perf_counter() - begun)
            start.refused += not is_stored
    finally:
        client.close()


async def _until(admin: int, metric: str, value: float) -> None:
    """Wait until a metric of chat, about the stream ``CHAT`` if it has a label, is at least ``value``."""
    line = re.compile(
        rb"^%s(?:\{stream=\"%s\"\})? (\S+)$" % (metric.encode(), CHAT_STREAM.encode()), re.MULTILINE
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found = line.search(await _metrics(admin))
            if found is not None and float(found[1]) >= value:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _metrics(admin: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", admin)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: opsroom\r\nConnection: close\r\n\r\n")
        return await reader.read(-1)
    finally:
        writer.transport.abort()
