"""The load generator of ``stored``: sends, as fast as they are acknowledged."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from bench.clients.chat_socket import is_welcome, join_chat
from bench.clients.nats_client import ANSWER_SECONDS, connect_nats, register
from bench.generators.process import JsonObject, generator_main, own_cpu_seconds, run_generator
from bench.results.statistics import percentile
from bench.servers.portal import cpu_of
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.serialization.codec import encode

ROOM = "general"
NATS, SOCKETS = "NATS", "sockets"

Send = Callable[[str, str], Awaitable[bool]]
"""Sends a text with an id. Returns whether it was stored."""


@dataclass(frozen=True, slots=True)
class StorePlan:
    """``senders`` users with ``at_once`` pending sends each, for ``seconds``; ``size`` bytes of text.

    ``way``: to the chat service over NATS, or through sockets of the gateways at ``ports``.
    """

    way: str
    ports: tuple[int, ...]
    nats_port: int
    pids: dict[str, int]
    senders: int
    at_once: int
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """``stored``: sends acknowledged in ``elapsed`` seconds; ``refused``: rejected ones.

    ``p50``, ``p99``: milliseconds from a send to its response; ``cpu``: seconds of each server process;
    ``generator_cpu``: a share of one core.
    """

    stored: int
    refused: int
    elapsed: float
    p50: float
    p99: float
    cpu: dict[str, float]
    generator_cpu: float


async def run_store_load(plan: StorePlan) -> StoreFigures:
    """Run this load in a separate process."""
    return StoreFigures(**await run_generator(__name__, asdict(plan)))


class SocketSender:
    """Sends through one socket. An acknowledgement is matched to its send by the id."""

    def __init__(self) -> None:
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._send: Callable[[bytes], None] | None = None

    async def open(self, port: int, number: int) -> Callable[[], None]:
        """Connect. Returns the function that closes the socket."""
        reader = await join_chat(port, "v1", number, self._receive)
        self._send = reader.send
        await asyncio.wait_for(self.welcomed, ANSWER_SECONDS)
        return reader.close

    async def send(self, client_id: str, text: str) -> bool:
        """Send a message. Returns whether it was stored."""
        assert self._send is not None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[client_id] = answer
        frame = {"type": "send", "clientId": client_id, "room": ROOM, "text": text}
        self._send(json.dumps(frame).encode())
        return await answer

    def _receive(self, payload: bytes) -> None:
        if payload.startswith((b'{"type":"ack"', b'{"type":"error"')):
            frame = json.loads(payload)
            answer = self._waiting.pop(frame.get("clientId", ""), None)
            if answer is not None and not answer.done():
                answer.set_result(frame["type"] == "ack")
        elif is_welcome(payload) and not self.welcomed.done():
            self.welcomed.set_result(None)


async def _store(plan: StorePlan) -> StoreFigures:
    async with AsyncExitStack() as stack:
        if plan.way == NATS:
            sends = await _over_nats(plan, stack)
        else:
            sends = await _by_sockets(plan, stack)
        return await _measured(plan, sends)


async def _over_nats(plan: StorePlan, stack: AsyncExitStack) -> list[Send]:
    client = await connect_nats(plan.nats_port)
    stack.callback(client.close)

    def sender(user: str) -> Send:
        async def send(client_id: str, text: str) -> bool:
            request = SendRequest(user_id=user, client_id=client_id, room=ROOM, text=text)
            done, _ = await client.request(endpoints.SEND.subject, encode(request))
            return done

        return send

    return [sender(await register(client, f"sender {number}")) for number in range(plan.senders)]


async def _by_sockets(plan: StorePlan, stack: AsyncExitStack) -> list[Send]:
    sends: list[Send] = []
    for number in range(plan.senders):
        socket = SocketSender()
        stack.callback(await socket.open(plan.ports[number % len(plan.ports)], number))
        sends.append(socket.send)
    return sends


async def _measured(plan: StorePlan, sends: list[Send]) -> StoreFigures:
    took: list[float] = []
    refused = 0
    text, run = "x" * plan.size, uuid4().hex

    async def work(send: Send, lane: int) -> None:
        nonlocal refused
        number = 0
        while (begun := time.perf_counter()) < until:
            number += 1
            if await send(f"{run}-{lane}-{number}", text):
                took.append((time.perf_counter() - begun) * 1e3)
            else:
                refused += 1

    cpu_before, begun = own_cpu_seconds(), time.perf_counter()
    until = begun + plan.seconds
    with cpu_of(plan.pids) as cpu:
        async with asyncio.timeout(plan.seconds + ANSWER_SECONDS):
            await asyncio.gather(*(work(send, lane) for send in sends for lane in range(plan.at_once)))
    elapsed = time.perf_counter() - begun
    generator_cpu = (own_cpu_seconds() - cpu_before) / elapsed
    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
    return StoreFigures(len(took), refused, elapsed, p50, p99, cpu, generator_cpu)


async def _run(plan: dict[str, Any]) -> JsonObject:
    return asdict(await _store(StorePlan(**plan)))


if __name__ == "__main__":
    generator_main(_run)
