"""The load generator of ``alerts``: monitors that post, and readers who see the cards."""

import asyncio
import json
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from bench.clients.chat_socket import is_welcome, join_chat
from bench.clients.http_client import HttpClient
from bench.clients.nats_client import ANSWER_SECONDS, NatsClient, connect_nats
from bench.generators.process import JsonObject, generator_main, own_cpu_seconds, run_generator
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import HistoryReply, HistoryRequest
from opsroom_contracts.incidents.hooks import CreateHookRequest, HookSecretReply
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_contracts.serialization.model import Model

_CONNECTIONS = 8
_SETTLE_SECONDS = 10.0
_JOIN_SECONDS = 60.0
_NUMBER = re.compile(rb'"title":"alert (\d+) ')


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """``alerts`` of ``keys`` different things, evenly in ``seconds``, and ``readers`` who see their cards."""

    port: int
    nats_port: int
    readers: int
    alerts: int
    keys: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """Latencies in milliseconds. ``stored``: from an alert to the answer ``ok``; ``shown``: to each reader.

    ``cards``: how many the history has at the end. ``missed``: deliveries that never came.
    """

    stored: list[float]
    shown: list[float]
    cards: int
    missed: int
    late: float
    generator_cpu: float


async def run_alert_load(plan: AlertPlan) -> AlertFigures:
    """Run this load in a separate process."""
    return AlertFigures(**await run_generator(__name__, asdict(plan), plan.seconds + 180.0))


@dataclass
class _Load:
    """The times of alerts, and what readers got of them."""

    plan: AlertPlan
    posted: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    welcomes: int = 0
    late: float = 0.0

    def receive(self, payload: bytes) -> None:
        """Record a frame of any reader."""
        found = _NUMBER.search(payload)
        if found is not None:
            self.shown.append((time.perf_counter() - self.posted[int(found[1])]) * 1e3)
        elif is_welcome(payload):
            self.welcomes += 1

    async def send(self, path: str) -> None:
        """Post all alerts at their times, over several connections."""
        free: asyncio.Queue[HttpClient] = asyncio.Queue()
        clients = [HttpClient(self.plan.port) for _ in range(_CONNECTIONS)]
        for client in clients:
            free.put_nowait(await client.__aenter__())
        self.posted = [0.0] * self.plan.alerts
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self.plan.alerts):
                due = begun + number * self.plan.seconds / self.plan.alerts
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self.late = max(self.late, (time.perf_counter() - due) * 1e3)
                group.create_task(self._post(free, path, number))
        for client in clients:
            await client.__aexit__(None, None, None)

    async def _post(self, free: "asyncio.Queue[HttpClient]", path: str, number: int) -> None:
        body = {
            "title": f"alert {number} of the benchmark",
            "key": f"key {number % self.plan.keys}",
            "status": "firing",
            "severity": "warning",
            "text": "The disk of **web-1** is almost full",
            "fields": [{"name": "instance", "value": "web-1:9100"}, {"name": "job", "value": "node"}],
        }
        self.posted[number] = time.perf_counter()
        client = await free.get()
        try:
            status, answer = await client.post(path, json.dumps(body).encode())
        finally:
            free.put_nowait(client)
        if (status, answer) != (200, b"ok"):
            raise ConnectionError(f"an alert was answered with {status}: {answer[:200]!r}")
        self.stored.append((time.perf_counter() - self.posted[number]) * 1e3)

    async def all_shown(self) -> int:
        """Wait until all readers have all cards; return how many deliveries are missing."""
        expected = self.plan.alerts * self.plan.readers
        until = time.perf_counter() + _SETTLE_SECONDS
        while len(self.shown) < expected and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        return expected - len(self.shown)


async def _ask(client: NatsClient, endpoint: endpoints.AnyEndpoint, request: Model) -> bytes:
    done, answer = await asyncio.wait_for(client.request(endpoint.subject, encode(request)), ANSWER_SECONDS)
    if not done:
        raise ConnectionError(f"{endpoint.subject} was refused: {answer[:200]!r}")
    return answer


async def _run(plan: dict[str, Any]) -> JsonObject:
    load = _Load(AlertPlan(**plan))
    client = await connect_nats(load.plan.nats_port)
    request = CreateHookRequest(request_id=uuid4().hex, name="bench", room="general")
    hook = decode(contract_of(HookSecretReply), await _ask(client, endpoints.CREATE_HOOK, request))
    sockets = [
        await join_chat(load.plan.port, "v1", number, load.receive) for number in range(load.plan.readers)
    ]
    async with asyncio.timeout(_JOIN_SECONDS):
        while load.welcomes < load.plan.readers:
            await asyncio.sleep(0.05)
    cpu, begun = own_cpu_seconds(), time.perf_counter()
    await load.send(f"/hooks/{hook.secret}/json")
    missed = await load.all_shown()
    share = (own_cpu_seconds() - cpu) / (time.perf_counter() - begun)
    history = await _ask(client, endpoints.HISTORY, HistoryRequest(room="general", limit=200))
    messages = decode(contract_of(HistoryReply), history, 10**7).messages
    for socket in sockets:
        socket.close()
    cards = sum(one.card is not None for one in messages)
    return asdict(AlertFigures(load.stored, load.shown, cards, missed, load.late, share))


if __name__ == "__main__":
    generator_main(_run)
