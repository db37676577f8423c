"""Hostile agents: they have the credentials of agents, and their cases say what they reply.

While an agent acts, the portal is used as by an operator. Afterwards it replies properly, so that its servers
can be removed.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from opsroom_contracts.agents.records import AgentCapability, AgentLease, AgentRecord, TemplateView
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import (
    agent_lease,
    agent_record,
    provider_changes,
    provider_stream,
    provider_subject,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_runtime.process import cancel_and_wait
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.servers import check_names, check_problem
from tests.fuzz.cases.agent_cases import SERVER, VERBS, VICTIM, VICTIM_NAME, AgentCase, AgentReply

NAMES = ("evil-0", "evil-1", "evil-2")
"""Providers of hostile agents. As many act at once."""
_TEMPLATE = "web"
_API = "/api/v1/cloud"
_LOOK_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_OPERATION_SECONDS = 30.0
_RENEW_SECONDS = 3.0
_LISTS = 2
"""When the second list begins, what the first one and the notices have caused is stored."""
_EXCEEDED = "more than it may"
Shown = dict[str, Any]


class AgentAttackers:
    """Runs hostile agents, on ``broker`` with the user ``agent``, one at a time for each name."""

    def __init__(self, gateway: Address, broker: NatsConnection) -> None:
        self._gateway = gateway
        self._broker = broker
        self._free: asyncio.Queue[str] = asyncio.Queue()
        for name in NAMES:
            self._free.put_nowait(name)
        self._witness: Shown = {}

    async def prepare(self) -> None:
        """Let the portal know all providers, and create the server of another one that must not change."""
        async with self._gateway.requests() as client:
            for name in NAMES:
                await _Agent(self._broker, name, AgentCase("", {}), "").register()
                await _connected(client, name)
            await _connected(client, "lab")
            body = {"name": VICTIM_NAME, "template": "lab/small", "start": True}
            response = await client.post(f"{_API}/instances", json=body)
            assert response.status_code == 202, response.text
            key = response.json()["operation"]["instanceId"]
            while (found := await _instance(client, key)) is None or found.get("pending"):
                await asyncio.sleep(_PAUSE_SECONDS)
            assert found["state"] == "running", found
            self._witness = found

    async def send(self, case: AgentCase) -> None:
        """Let an agent act.

        Raises:
            AssertionError: a forbidden response or effect.
        """
        name = await self._free.get()
        agent = _Agent(self._broker, name, case, self._witness["id"])
        try:
            async with self._gateway.requests() as client:
                await agent.start()
                try:
                    await _connected(client, name)
                    await self._use(client, agent)
                finally:
                    agent.behaves = True
                    await _clean_up(client, name)
        finally:
            await agent.stop()
            self._free.put_nowait(name)

    async def _use(self, client: httpx.AsyncClient, agent: "_Agent") -> None:
        """Do what an operator does, and check that the other provider's server is as before."""
        response = await client.post(f"{_API}/instances", json={"template": f"{agent.name}/{_TEMPLATE}"})
        _check(response)
        operation = response.json()["operation"]
        agent.server = operation["instanceId"]
        await agent.notify()
        looks = [f"/instances/{agent.server}/logs?follow=true", f"/instances/{agent.server}/stats"]
        texts = await asyncio.gather(*(_look(client, f"{_API}{path}") for path in looks))
        for path in (f"/providers/{agent.name}/adoptable", "/providers", "/templates"):
            _check(await client.get(f"{_API}{path}"))
        exceeded = agent.case.exceeds and agent.streamed
        assert not exceeded or any(_EXCEEDED in text for text in texts), "a stream exceeds its window"
        async with asyncio.timeout(_OPERATION_SECONDS):
            while True:
                response = await client.get(f"{_API}/operations/{operation['id']}")
                _check(response)
                if response.json()["operation"]["status"] != "pending":
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
        while agent.lists < _LISTS:
            await asyncio.sleep(_PAUSE_SECONDS)
        await self._check_witness(client)
        by_name = (await client.get(f"{_API}/history", params={"instance": VICTIM_NAME, "limit": 1})).json()
        events = [one["instanceId"] for one in by_name["events"]]
        assert events == [self._witness["id"]], f"the name of another provider's server means {events}"

    async def _check_witness(self, client: httpx.AsyncClient) -> None:
        """Check that the other provider's server is as before; afterwards, go on with how it is then."""
        now = await _instance(client, self._witness["id"])
        if now == self._witness:
            return
        found = now
        while now is None or now["state"] != "running":
            await asyncio.sleep(_PAUSE_SECONDS)
            now = await _instance(client, self._witness["id"])
        self._witness = now
        raise AssertionError(f"another provider's server changed: {found}")


class _Agent:
    """One agent. ``behaves``: it replies properly: what is asked for is done, and nothing is there.

    ``streamed``: whether it has sent its chunks. ``lists``: how often a list has begun.
    """

    def __init__(self, broker: NatsConnection, name: str, case: AgentCase, victim: str) -> None:
        self.name = name
        self.case = case
        self.behaves = False
        self.server = "none"
        self.streamed = False
        self.lists = 0
        self._process = uuid4().hex
        self._victim = victim
        self._broker = broker
        self._asked: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscriptions: list[Subscription] = []

    @property
    def _client(self) -> Client:
        return self._broker.client

    async def register(self) -> None:
        """Store the record and a lease."""
        record = AgentRecord(
            name=self.name,
            kind="evil",
            process=self._process,
            capabilities=tuple(AgentCapability),
            templates=(TemplateView(name=_TEMPLATE),),
            started_at=datetime.now(UTC),
        )
        jetstream = self._broker.jetstream
        await jetstream.publish(agent_record(self.name), encode(record))
        await self._lease(released=False)

    async def start(self) -> None:
        """Subscribe to the verbs, and register."""
        for verb in VERBS:  # a wildcard is not permitted
            subject = provider_subject(self.name, verb)
            self._subscriptions.append(await self._client.subscribe(subject, cb=self._on_request))
        await self._client.flush()
        await self.register()
        self._keep(self._renew())

    async def notify(self) -> None:
        """Publish the notices."""
        for notice in self.case.notices:
            await self._client.publish(provider_changes(self.name), self._filled(notice))
        await self._client.flush()

    async def stop(self) -> None:
        """Give the lease back, and unsubscribe."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        await cancel_and_wait(list(self._tasks))
        await self._lease(released=True)

    async def _lease(self, *, released: bool) -> None:
        lease = AgentLease(process=self._process, released=released)
        await self._broker.jetstream.publish(
            agent_lease(self.name), encode(lease), headers={"Nats-TTL": "15s"}
        )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await self._lease(released=False)

    async def _on_request(self, request: Msg) -> None:
        self._keep(self._reply(request))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, request: Msg) -> None:
        verb = request.subject.rpartition(".")[2]
        if verb not in VERBS:
            return
        self.lists += verb == "list" and b'"after"' not in request.data
        replies = self.case.replies.get(verb, ())
        number, self._asked[verb] = self._asked[verb], self._asked[verb] + 1
        chosen = (
            AgentReply(_proper(verb, request))
            if self.behaves or not replies
            else replies[number % len(replies)]
        )
        if chosen.payload is None:
            return
        if chosen.seconds:
            await asyncio.sleep(chosen.seconds)
        headers = {"Nats-Service-Error-Code": "500", "Nats-Service-Error": "evil"} if chosen.error else None
        payload = self._filled(chosen.payload, _server_in(request))
        for _ in range(chosen.times):
            await self._client.publish(request.reply, payload, headers=headers)
        if verb in {"logs", "stats"}:
            await self._stream(request)

    async def _stream(self, request: Msg) -> None:
        if not self.case.chunks or self.behaves:
            return
        self.streamed = True
        subject = provider_stream(self.name, json.loads(request.data)["stream"])
        for chunk in self.case.chunks:
            await self._client.publish(subject, chunk)

    def _filled(self, payload: bytes, server: str | None = None) -> bytes:
        found = payload.replace(SERVER.encode(), (server or self.server).encode())
        return found.replace(VICTIM.encode(), self._victim.encode())


def _server_in(request: Msg) -> str | None:
    """Return the id of the server that a request is about."""
    with suppress(ValueError, KeyError, IndexError, TypeError):
        fields = json.loads(request.data)
        return str(fields["server"]["id"] if "server" in fields else fields["servers"][0]["id"])
    return None


def _proper(verb: str, request: Msg) -> bytes:
    """Return a reply of an agent that does what it is asked for, and whose servers are gone afterwards."""
    fields = json.loads(request.data)
    match verb:
        case "apply" if fields["command"] == "remove":
            return b'{"status":"done"}'
        case "apply":
            seen = {"id": fields["server"]["id"], "state": "running" if fields.get("start") else "stopped"}
            return json.dumps({"status": "done", "observed": seen}).encode()
        case "observe":
            return json.dumps({"gone": [one["id"] for one in fields["servers"]]}).encode()
        case "more":
            return b'{"open":true}'
        case _:
            return b"{}"


def _check(response: httpx.Response) -> None:
    if response.status_code >= 400:
        check_problem(response)


async def _look(client: httpx.AsyncClient, path: str) -> str:
    """Read from a stream for a moment; return the end of what came."""
    text = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            async with client.stream("GET", path) as response:
                if response.status_code >= 400:
                    await response.aread()
                    check_problem(response)
                async for piece in response.aiter_text():
                    text = (text + piece)[-2000:]
    return text


async def _instance(client: httpx.AsyncClient, key: str) -> Shown | None:
    listed = (await client.get(f"{_API}/instances")).json()["instances"]
    check_names(listed)
    return next((one for one in listed if one["id"] == key), None)


async def _connected(client: httpx.AsyncClient, name: str) -> None:
    while True:
        response = await client.get(f"{_API}/providers")
        _check(response)
        if any(one["name"] == name and one["connected"] for one in response.json().get("providers", ())):
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _clean_up(client: httpx.AsyncClient, name: str) -> None:
    """Remove the servers of a provider, whose agent does what it is asked for."""
    while True:
        listed = (await client.get(f"{_API}/instances")).json()["instances"]
        mine = [one for one in listed if one["provider"] == name]
        if not mine:
            return
        ids = [one["id"] for one in mine if not one.get("pending")][:100]
        if ids:
            _check(await client.post(f"{_API}/batch", json={"command": "remove", "ids": ids}))
        await asyncio.sleep(_PAUSE_SECONDS)
