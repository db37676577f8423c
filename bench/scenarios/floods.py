"""Floods from one address: what others notice of them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from bench.clients.chat_socket import is_welcome
from bench.clients.http_client import HttpClient
from bench.generators import flood_load
from bench.generators.flood_load import FLOODS, Plan, plan_data
from bench.generators.process import run_generator
from bench.options import Options
from bench.results.statistics import percentile
from bench.results.table import Cell, Table
from bench.servers.pinning import loading_apart
from bench.servers.portal import Servers, cpu_of, portal
from opsroom_testkit.websocket_client import WebSocketClient, connect

SOCKETS = (8, 64)
_SENDERS = 8
_EVERY_SECONDS = 0.2
"""How often each sender sends, and how often ``/healthz`` is requested by each of as many clients."""
_SETTLE_SECONDS = 1.0
_WARM_UP_SECONDS = 10.0
_ANSWER_SECONDS = 20.0
_LIMITS = {
    "GATEWAY_EXEMPT_ADDRESSES": "192.0.2.1",
    "GATEWAY_REGISTRATIONS_PER_MINUTE": "100000",  # the setup registers everybody at once
    "GATEWAY_ACCESS": "open",
}
_HEADERS = (
    "flood, sockets",
    "message p50 ms",
    "message p99 ms",
    "message max ms",
    "/healthz p50 ms",
    "/healthz p99 ms",
    "/healthz max ms",
    "gateway CPU %",
    "chat CPU %",
    "flood MB/s",
)


@dataclass(slots=True)
class Samples:
    """Seconds from send to delivery, and from request to response; ``lost``: without either in 20 s."""

    messages: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    lost: int = 0


class Others:
    """Users at another address who talk, and clients that ask for the health."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self._port = port
        self._tokens = tokens
        self._sockets: list[WebSocketClient] = []
        self._sent_at: dict[str, float] = {}
        self._number = 0
        self._samples = Samples()

    async def join(self) -> None:
        """Connect the senders and the reader who measures."""
        for token in self._tokens:
            welcomed = asyncio.Event()
            reads = not self._sockets

            def on_payload(payload: bytes, welcomed: asyncio.Event = welcomed, reads: bool = reads) -> None:
                if is_welcome(payload):
                    welcomed.set()
                elif reads and b'"type":"message"' in payload:
                    self._on_message(payload)

            socket = await connect(self._port, "/api/v1/chat/ws", on_payload)
            socket.send(json.dumps({"type": "hello", "token": token}).encode())
            self._sockets.append(socket)
            await asyncio.wait_for(welcomed.wait(), _ANSWER_SECONDS)

    async def measure(self, seconds: float) -> Samples:
        """Talk for ``seconds``, and wait for what is still on its way."""
        self._samples = samples = Samples()
        until = time.perf_counter() + seconds
        senders = self._sockets[1:]
        await asyncio.gather(
            *(self._talk(socket, until) for socket in senders),
            *(self._ask(until) for _ in senders),
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                while self._sent_at:
                    await asyncio.sleep(0.05)
        samples.lost += len(self._sent_at)
        self._sent_at.clear()
        if any(socket.lost for socket in self._sockets):
            raise ConnectionError("a user was disconnected during a flood")
        return samples

    def close(self) -> None:
        """Disconnect everybody."""
        for socket in self._sockets:
            socket.close()

    def _on_message(self, payload: bytes) -> None:
        sent_at = self._sent_at.pop(json.loads(payload)["text"], None)
        if sent_at is not None:
            self._samples.messages.append(time.perf_counter() - sent_at)

    async def _talk(self, socket: WebSocketClient, until: float) -> None:
        while time.perf_counter() < until:
            self._number += 1
            name = f"others {self._number}"
            self._sent_at[name] = time.perf_counter()
            frame = {"type": "send", "clientId": f"client-{self._number:08}", "room": "general", "text": name}
            socket.send(json.dumps(frame).encode())
            await asyncio.sleep(_EVERY_SECONDS)

    async def _ask(self, until: float) -> None:
        while time.perf_counter() < until:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await _healthy(self._port)
                self._samples.health.append(time.perf_counter() - started)
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                self._samples.lost += 1
            await asyncio.sleep(_EVERY_SECONDS)


async def _healthy(port: int) -> None:
    """Ask for the health on a new connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        status = await reader.readline()
        if not status.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"/healthz returned {status!r}")
        await reader.read()
    finally:
        writer.transport.abort()


async def measure(options: Options) -> list[Table]:
    """Each kind of flood, after a phase without one; servers on one core, attacker and others apart."""
    rows: list[tuple[Cell, ...]] = []
    kinds = [kind for kind in FLOODS if not options.only or any(word in kind for word in options.only)]
    async with AsyncExitStack() as stack:
        pinned = stack.enter_context(loading_apart())
        servers = await stack.enter_async_context(
            portal(delay=options.delay, pin=pinned, gateway_environ=_LIMITS)
        )
        tokens = await _register(servers.port, "other", _SENDERS + 1)
        attackers = await _register(servers.port, "attacker", max(SOCKETS))
        others = await stack.enter_async_context(_joined(servers.port, tokens))
        await others.measure(_WARM_UP_SECONDS)  # a start is slower, and not what the floods are compared with
        for kind in kinds:
            # Beside its own phase without one: what the machine does meanwhile changes within minutes.
            rows.append(await _row(f"none, before {kind}", servers, others, None, options.seconds))
            for sockets in SOCKETS:
                plan = Plan(servers.port, kind, sockets, options.seconds + _SETTLE_SECONDS, tuple(attackers))
                rows.append(await _row(f"{kind}, {sockets}", servers, others, plan, options.seconds))
        rows.append(await _row("none, at the end", servers, others, None, options.seconds))
    return [Table("Floods from one address: what others notice", _HEADERS, rows)]


@asynccontextmanager
async def _joined(port: int, tokens: list[str]) -> AsyncIterator[Others]:
    others = Others(port, tokens)
    try:
        await others.join()
        yield others
    finally:
        others.close()


async def _register(port: int, name: str, count: int) -> list[str]:
    tokens: list[str] = []
    async with HttpClient(port) as client:
        for number in range(count):
            body = json.dumps({"name": f"{name} {number}"}).encode()
            status, reply = await client.post("/api/v1/chat/users", body)
            if status != 201:
                raise ConnectionError(f"registering was answered with {status}: {reply[:200]!r}")
            tokens.append(json.loads(reply)["token"])
    return tokens


async def _row(
    name: str, servers: Servers, others: Others, plan: Plan | None, seconds: float
) -> tuple[Cell, ...]:
    sent = 0.0
    with cpu_of(servers.pids()) as cpu:
        if plan is None:
            samples = await others.measure(seconds)
        else:
            attack = asyncio.create_task(run_generator(flood_load.__name__, plan_data(plan)))
            samples = await others.measure(seconds)
            sent = (await attack)["sent"] / plan.seconds
    if samples.lost:
        name = f"{name} ({samples.lost} without an answer)"
    return (
        name,
        *_times(samples.messages),
        *_times(samples.health),
        cpu["gateway"] / seconds * 100,
        cpu["chat"] / seconds * 100,
        sent / 1e6,
    )


def _times(seconds: list[float]) -> tuple[float, float, float]:
    return tuple(percentile(seconds, share) * 1e3 for share in (0.5, 0.99, 1.0))  # type: ignore[return-value]
