"""What stored messages take in the broker's memory, and how soon a chat process works with them.

The messages are written as a chat process stores them, but not through one: a million would take minutes.
"""

import asyncio
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
from opsroom_contracts.subjects import former_message_subject, message_subject
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.writes import Write, WritePublisher
from opsroom_runtime.process import run_tasks
from opsroom_testkit.ports import free_port, is_ready

ROOM = "general"
SIZE = 200
_BATCH = 1000
_SETTLE_SECONDS = 3.0
_PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.02
_SYNCED = b"opsroom_message_index_synced 1"


@dataclass(slots=True)
class Memory:
    """Resident memory of nats-server in bytes; each but ``filled`` after a restart."""

    empty: int = 0
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
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        index = Path(folder) / "index"
        admin = free_port()
        environ = {"CHAT_INDEX_DIR": str(index), "CHAT_ADMIN_PORT": str(admin)}
        former = Memory()
        async with portal(delay=options.delay, pin=options.pin) as servers:
            await _fill(servers, former, count, is_former=True)
        shared, starts = Memory(), dict[str, Start]()
        async with portal(delay=options.delay, pin=options.pin, chat_environ=environ) as servers:
            await _fill(servers, shared, count, is_former=False)
            await _until_complete(admin)
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
                "empty MiB",
                "filled MiB",
                "restarted MiB",
                "bytes/message",
                "restarted bytes/message",
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
    return (
        name,
        memory.empty / 2**20,
        memory.filled / 2**20,
        memory.restarted / 2**20,
        (memory.filled - memory.empty) / count,
        (memory.restarted - memory.empty) / count,
    )


def _start_row(name: str, start: Start) -> tuple[Cell, ...]:
    took = sorted(start.sends) or [0.0]
    middle, most = percentile(took, 0.5) * 1e3, took[-1] * 1e3
    return name, start.ready, start.complete, len(start.sends), middle, most, start.refused


async def _fill(servers: Servers, memory: Memory, count: int, *, is_former: bool) -> None:
    await _restart_broker(servers)
    memory.empty = servers.resident_bytes()["nats"]
    broker = await connect(servers.nats_url, name="bench")
    try:
        publisher = WritePublisher(broker)
        for start in range(0, count, _BATCH):
            numbers = range(start, min(start + _BATCH, count))
            await publisher.store_together([_write(number, is_former=is_former) for number in numbers])
    finally:
        await broker.close()
    await asyncio.sleep(_SETTLE_SECONDS)
    memory.filled = servers.resident_bytes()["nats"]
    await _restart_broker(servers)
    memory.restarted = servers.resident_bytes()["nats"]


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


async def _restart_broker(servers: Servers) -> None:
    servers.processes["nats"].terminate()
    await servers.restart("nats")
    broker = await connect(servers.nats_url, name="bench", timeout=_PATIENCE_SECONDS)
    await broker.close()
    await asyncio.sleep(_SETTLE_SECONDS)


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
            await _until_complete(admin)
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


async def _until_complete(admin: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while _SYNCED not in await _metrics(admin):
            await asyncio.sleep(_POLL_SECONDS)


async def _metrics(admin: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", admin)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: opsroom\r\nConnection: close\r\n\r\n")
        return await reader.read(-1)
    finally:
        writer.transport.abort()
