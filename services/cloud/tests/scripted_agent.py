"""An agent for tests: it uses the real protocol, and does what a test wants."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from opsroom_contracts.agents.endpoints import agent_endpoints
from opsroom_contracts.agents.protocol import (
    ApplyReply,
    ApplyRequest,
    ApplyStatus,
    ChangeNotice,
    Listed,
    Observation,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
)
from opsroom_contracts.agents.records import AgentCapability, AgentLease, AgentRecord, TemplateView
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Progress
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import agent_lease, agent_record, provider_changes
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService

LAB = "lab"
TEMPLATE = "small"


class ScriptedAgent:
    """The agent of a provider with a list of servers in memory.

    ``held``: operations report that they are in progress until it is set. ``silent``: requests get no reply.
    ``fails``: the commands that fail. ``progress``: what is reported meanwhile. ``done``: how often the work
    of each operation was done. ``asked``: all operations it was asked for.
    """

    def __init__(self, broker: NatsConnection, name: str = LAB) -> None:
        self.name = name
        self.process = uuid4().hex
        self.servers: dict[str, Listed] = {}
        self.adoptable: dict[str, InstanceState] = {}
        self.held: set[Command] = set()
        self.fails: dict[Command, FailureCode] = {}
        self.silent = False
        self.progress: Progress | None = None
        self.done: Counter[str] = Counter()
        self.asked: list[str] = []
        self._finished: dict[str, ApplyReply] = {}
        self._broker = broker

    async def register(self) -> None:
        """Store the record."""
        record = AgentRecord(
            name=self.name,
            kind="scripted",
            process=self.process,
            host="here",
            capabilities=(AgentCapability.ADOPT,),
            templates=(TemplateView(name=TEMPLATE), TemplateView(name="safe", protected=True)),
            started_at=datetime.now(UTC),
        )
        await self._broker.jetstream.publish(agent_record(self.name), encode(record))

    async def renew(self, *, released: bool = False) -> None:
        """Store the lease once: it holds for 15 s."""
        lease = AgentLease(process=self.process, released=released)
        await self._broker.jetstream.publish(
            agent_lease(self.name), encode(lease), headers={"Nats-TTL": "15s"}
        )

    async def notify(self, *found: Observation, gone: tuple[str, ...] = ()) -> None:
        """Publish a notice of changes."""
        notice = ChangeNotice(found=found, gone=gone)
        await self._broker.publish(provider_changes(self.name), encode(notice))

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Do the work once, unless it is held."""
        self.asked.append(request.operation_id)
        if self.silent:
            await asyncio.Event().wait()
        if request.command in self.held:
            return ApplyReply(status=ApplyStatus.WORKING, progress=self.progress)
        if request.operation_id not in self._finished:
            self.done[request.operation_id] += 1
            self._finished[request.operation_id] = self._work(request)
        return self._finished[request.operation_id]

    def _work(self, request: ApplyRequest) -> ApplyReply:
        code = self.fails.get(request.command)
        if code is not None:
            return ApplyReply(status=ApplyStatus.FAILED, reason="as the test wants", code=code)
        key, server = request.server.id, request.server
        if request.command is Command.REMOVE:
            self.servers.pop(key, None)
            return ApplyReply(status=ApplyStatus.DONE)
        states = {
            Command.START: True,
            Command.RESTART: True,
            Command.STOP: False,
            Command.CREATE: request.start,
        }
        running = states.get(request.command, True)
        state = InstanceState.RUNNING if running else InstanceState.STOPPED
        self.servers[key] = Listed(
            id=key, state=state, address="10.0.0.1", name=server.name, template=server.template
        )
        return ApplyReply(status=ApplyStatus.DONE, observed=self._seen(key))

    def _seen(self, key: str) -> Observation:
        one = self.servers[key]
        return Observation(id=key, state=one.state, address=one.address)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at servers."""
        if self.silent:
            await asyncio.Event().wait()
        ids = [server.id for server in request.servers]
        found = tuple(self._seen(key) for key in ids if key in self.servers)
        return ObserveReply(found=found, gone=tuple(key for key in ids if key not in self.servers))

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """List servers, two on a page."""
        if self.silent:
            raise refuse(ErrorCode.UNAVAILABLE, "as the test wants")
        ids = sorted(key for key in self.servers if key > (request.after or ""))
        page = tuple(self.servers[key] for key in ids[:2])
        return ProviderListReply(servers=page, next=page[-1].id if len(ids) > 2 else None)

    def change(self, instance_id: str, state: InstanceState) -> Observation:
        """Change a server behind the portal's back."""
        self.servers[instance_id] = self.servers[instance_id].model_copy(update={"state": state})
        return self._seen(instance_id)


@asynccontextmanager
async def serving(agent: ScriptedAgent, broker: NatsConnection) -> AsyncIterator[None]:
    """Reply to requests with ``agent``."""
    service = MicroService(broker, name="agent", version="0.0.0", description="A test.", gauges=dict)
    endpoints = agent_endpoints(agent.name)
    service.add(endpoints.apply, agent.apply)
    service.add(endpoints.observe, agent.observe)
    service.add(endpoints.list, agent.list)
    await service.start()
    try:
        yield
    finally:
        await service.stop(timeout=0.1)


@asynccontextmanager
async def scripted_agent(broker: NatsConnection) -> AsyncIterator[ScriptedAgent]:
    """An agent that is there: registered, with a lease, and replying."""
    agent = ScriptedAgent(broker)
    async with serving(agent, broker):
        await agent.register()
        await agent.renew()
        yield agent
