"""The load generator of ``people``: named people join one room, while watchers count what that costs."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from bench.clients.nats_client import NatsClient, connect_nats
from bench.clients.reader import allow_open_files, source_of
from bench.generators.process import JsonObject, generator_main, run_generator
from bench.servers.portal import cpu_of
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import RegisterReply, RegisterRequest
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_testkit.websocket_client import WebSocketClient

WATCHERS = 20
STEPS = 4
AT_ONCE = 64
STAY = 10_000
"""How many people are there at most. After that, the first ones leave."""
STEP_SECONDS = 600.0
_JOIN_SECONDS = 60.0
_REGISTER_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class PeoplePlan:
    """``joins``: how many people join in all; ``pids``: the measured processes."""

    joins: int
    port: int
    nats_port: int
    pids: dict[str, int]


@dataclass(frozen=True, slots=True)
class PeopleStep:
    """One of ``STEPS`` parts of the joins.

    Attributes:
        present: how many were there at its end.
        welcome_bytes: of one join, on average.
        frames, frame_bytes: what a watcher received for one join, on average.
        cpu: seconds of each process.
    """

    joins: int
    present: int
    seconds: float
    welcome_bytes: float
    frames: float
    frame_bytes: float
    cpu: dict[str, float]


async def run_people_load(plan: PeoplePlan) -> list[PeopleStep]:
    """Run this load in a separate process."""
    found = await run_generator(__name__, asdict(plan), STEP_SECONDS * STEPS)
    return [PeopleStep(**step) for step in found["steps"]]


@dataclass(slots=True)
class Counted:
    """A socket that counts what it receives after the welcome."""

    welcomed: asyncio.Event = field(default_factory=asyncio.Event)
    welcome_bytes: int = 0
    joined: int = 0
    frames: int = 0
    frame_bytes: int = 0
    socket: WebSocketClient | None = None

    def receive(self, payload: bytes) -> None:
        """Count a frame."""
        if payload.startswith(b'{"type":"welcome"'):
            self.welcome_bytes = len(payload)
            self.welcomed.set()
            return
        self.frames += 1
        self.frame_bytes += len(payload)
        self.joined += payload.startswith(b'{"type":"joined"')

    async def join(self, port: int, number: int, token: str) -> None:
        """Connect, and wait for the welcome."""
        loop = asyncio.get_running_loop()
        _, self.socket = await loop.create_connection(
            lambda: WebSocketClient("/api/v1/chat/ws", self.receive),
            "127.0.0.1",
            port,
            local_addr=source_of(number),
        )
        async with asyncio.timeout(_JOIN_SECONDS):
            await self.socket.opened
            self.socket.send(json.dumps({"type": "hello", "token": token, "userPages": True}).encode())
            await self.welcomed.wait()

    def close(self) -> None:
        """Disconnect."""
        if self.socket is not None:
            self.socket.close()


async def _tokens(client: NatsClient, names: Sequence[str]) -> list[str]:
    slots = asyncio.Semaphore(_REGISTER_AT_ONCE)

    async def one(name: str) -> str:
        async with slots:
            request = RegisterRequest(name=name, client_id=uuid4().hex)
            done, answer = await client.request(endpoints.REGISTER.subject, encode(request))
        reply = decode(contract_of(RegisterReply), answer) if done else None
        if reply is None or reply.token is None:
            raise ConnectionError(f"a registration was refused: {answer[:200]!r}")
        return reply.token

    return await asyncio.gather(*map(one, names))


async def _step(
    plan: PeoplePlan, numbers: range, here: deque[Counted], watchers: list[Counted]
) -> PeopleStep:
    """Let people join, and wait until every watcher knows of each."""
    client = await connect_nats(plan.nats_port)
    slots, came = asyncio.Semaphore(AT_ONCE), []
    before = [(one.joined, one.frames, one.frame_bytes) for one in watchers]

    async def come(number: int, token: str) -> None:
        async with slots:
            person = Counted()
            await person.join(plan.port, number, token)
            came.append(person.welcome_bytes)
            here.append(person)
            if len(here) > STAY:
                here.popleft().close()

    tokens: list[str] = []
    begun = time.perf_counter()
    with cpu_of(plan.pids) as cpu:
        for start in range(numbers.start, numbers.stop, _REGISTER_AT_ONCE):
            # Registered names are kept for a minute only, unless their owners join.
            part = range(start, min(start + _REGISTER_AT_ONCE, numbers.stop))
            tokens = await _tokens(client, [f"person {number}" for number in part])
            await asyncio.gather(*(come(number, token) for number, token in zip(part, tokens, strict=True)))
        while any(one.joined - known[0] < len(numbers) for one, known in zip(watchers, before, strict=True)):
            await asyncio.sleep(0.01)
    seconds = time.perf_counter() - begun
    client.close()
    each = len(numbers) * len(watchers)
    frames = sum(one.frames - known[1] for one, known in zip(watchers, before, strict=True))
    size = sum(one.frame_bytes - known[2] for one, known in zip(watchers, before, strict=True))
    return PeopleStep(
        len(numbers), len(here), seconds, sum(came) / len(came), frames / each, size / each, cpu
    )


async def _run(plan: dict[str, Any]) -> JsonObject:
    people = PeoplePlan(**plan)
    allow_open_files()
    client = await connect_nats(people.nats_port)
    watchers = [Counted() for _ in range(WATCHERS)]
    for number, token in enumerate(await _tokens(client, [f"watcher {n}" for n in range(WATCHERS)])):
        await watchers[number].join(people.port, number, token)
    client.close()
    here: deque[Counted] = deque()
    steps: list[PeopleStep] = []
    part = people.joins // STEPS
    async with asyncio.timeout(STEP_SECONDS * STEPS):
        for step in range(STEPS):
            steps.append(await _step(people, range(step * part, (step + 1) * part), here, watchers))
    return {"steps": [asdict(step) for step in steps]}


if __name__ == "__main__":
    generator_main(_run)
