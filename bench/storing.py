"""The load generator of ``stored``, a process of its own: as many sends as are answered."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from bench.asker import ANSWER_SECONDS, asker_at, register
from bench.figures import percentile
from bench.generator import Facts, be_generator, generate, own_cpu_seconds
from bench.joining import is_welcome, join
from bench.portal import cpu_of
from opsroom_contracts import endpoints
from opsroom_contracts.chat import SendRequest
from opsroom_contracts.codec import encode

ROOM = "general"
NATS, SOCKETS = "NATS", "sockets"

Send = Callable[[str, str], Awaitable[bool]]
"""Given an id and a text: whether it was answered as stored."""


@dataclass(frozen=True, slots=True)
class StoringPlan:
    """``senders`` people with ``at_once`` unanswered sends each, for ``seconds``; ``size`` bytes of text.

    ``way``: straight to the chat service over NATS, or by sockets of the gateways at ``ports``.
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
class StoringFigures:
    """``stored``: sends answered as stored in ``elapsed`` seconds; ``refused``: answered otherwise.

    ``p50``, ``p99``: milliseconds from a send to its answer; ``cpu``: seconds of each server process;
    ``generator_cpu``: a share of one core.
    """

    stored: int
    refused: int
    elapsed: float
    p50: float
    p99: float
    cpu: dict[str, float]
    generator_cpu: float


async def put_storing(plan: StoringPlan) -> StoringFigures:
    """Run this load in a process of its own."""
    return StoringFigures(**await generate(__name__, asdict(plan)))


class SocketSender:
    """Sends by one socket; an answer belongs to the send whose id it names."""

    def __init__(self) -> None:
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[bool]] = {}
        self._send: Callable[[bytes], None] | None = None

    async def open(self, port: int, number: int) -> Callable[[], None]:
        """Join; answers how to close the socket."""
        reader = await join(port, "v1", number, self._receive)
        self._send = reader.send
        await asyncio.wait_for(self.welcomed, ANSWER_SECONDS)
        return reader.close

    async def send(self, client_id: str, text: str) -> bool:
        """Whether it was stored."""
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


async def _store(plan: StoringPlan) -> StoringFigures:
    async with AsyncExitStack() as stack:
        if plan.way == NATS:
            sends = await _over_nats(plan, stack)
        else:
            sends = await _by_sockets(plan, stack)
        return await _measured(plan, sends)


async def _over_nats(plan: StoringPlan, stack: AsyncExitStack) -> list[Send]:
    asker = await asker_at(plan.nats_port)
    stack.callback(asker.close)

    def sender(user: str) -> Send:
        async def send(client_id: str, text: str) -> bool:
            request = SendRequest(user_id=user, client_id=client_id, room=ROOM, text=text)
            done, _ = await asker.ask(endpoints.SEND.subject, encode(request))
            return done

        return send

    return [sender(await register(asker, f"sender {number}")) for number in range(plan.senders)]


async def _by_sockets(plan: StoringPlan, stack: AsyncExitStack) -> list[Send]:
    sends: list[Send] = []
    for number in range(plan.senders):
        socket = SocketSender()
        stack.callback(await socket.open(plan.ports[number % len(plan.ports)], number))
        sends.append(socket.send)
    return sends


async def _measured(plan: StoringPlan, sends: list[Send]) -> StoringFigures:
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
    return StoringFigures(len(took), refused, elapsed, p50, p99, cpu, generator_cpu)


async def _run(plan: dict[str, Any]) -> Facts:
    return asdict(await _store(StoringPlan(**plan)))


if __name__ == "__main__":
    be_generator(_run)
