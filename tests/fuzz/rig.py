"""The rig of a session: a broker with its users, the target, the witnesses, and the attackers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from opsroom_contracts.identity import Role
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.deployment.permissions import USERS
from opsroom_messaging.deployment.private_files import OPERATOR
from opsroom_testkit.guarded_broker import GuardedBroker
from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.api_clients import person, token_of
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.agents import AgentAttackers
from tests.fuzz.attackers.client import Attackers, FuzzClient
from tests.fuzz.attackers.files import FileAttackers
from tests.fuzz.attackers.markdown import markdown_attackers
from tests.fuzz.attackers.moderation import Moderation
from tests.fuzz.attackers.roles import RoleAttackers
from tests.fuzz.attackers.rooms import RoomAttackers
from tests.fuzz.attackers.servers import ServerAttackers
from tests.fuzz.session import AT_ONCE, FuzzSession
from tests.fuzz.target import Target, target
from tests.fuzz.witnesses.canaries import running_canaries
from tests.fuzz.witnesses.possessions import Possessions, possessions
from tests.fuzz.witnesses.stopwatch import running_stopwatch


@asynccontextmanager
async def fuzz_session(folder: Path, at_once: int = AT_ONCE) -> AsyncIterator[FuzzSession]:
    """Start a session in ``folder``, for ``at_once`` cases at a time."""
    broker = GuardedBroker(folder)
    await broker.start()
    try:
        async with AsyncExitStack() as stack:
            process = await stack.enter_async_context(target(broker))
            port, pid = process.ready.port, process.ready.pid
            canaries = await stack.enter_async_context(running_canaries(port))
            stopwatch = await stack.enter_async_context(running_stopwatch(broker, port, pid))
            brokers = {user: await stack.enter_async_context(_connected(broker, user)) for user in USERS}
            owned = await stack.enter_async_context(_owned(process, brokers[OPERATOR]))
            tokens = [await token_of(Address(port)) for _ in range(at_once)]
            access = {user: broker.access(user) for user in USERS}
            roles = RoleAttackers(process.ready.token_port, broker.url, access)
            clients = {user: one.client for user, one in brokers.items()}
            gateways = Address(port), Address(process.ready.token_port)
            moderation = Moderation(gateways, process.ready.tokens[Role.ADMIN])
            agents = AgentAttackers(gateways[0], brokers["agent"])
            await agents.prepare()
            attackers = Attackers(
                *(roles, moderation, ServerAttackers(gateways[0]), agents, RoomAttackers(gateways)),
                files=await FileAttackers.prepare(gateways[0], await token_of(gateways[0])),
                markdown=await stack.enter_async_context(markdown_attackers()),
            )
            client = FuzzClient(port, clients, tokens, attackers)
            session = FuzzSession(process, canaries, stopwatch, owned, client)
            sampling = asyncio.create_task(session.memory.run())
            try:
                yield session
            finally:
                sampling.cancel()
                await asyncio.gather(sampling, return_exceptions=True)
    finally:
        await broker.stop()


@asynccontextmanager
async def _connected(broker: GuardedBroker, user: str) -> AsyncIterator[NatsConnection]:
    connected = await connect(broker.url, name=user, credentials=broker.access(user))
    try:
        yield connected
    finally:
        await connected.close()


@asynccontextmanager
async def _owned(process: Target, operator: NatsConnection) -> AsyncIterator[Possessions]:
    """Make what users with a lesser role must not change; its owner stays connected."""
    address, tokens = Address(process.ready.token_port), process.ready.tokens
    headers = {"Authorization": f"Bearer {tokens[Role.ADMIN]}"}
    # A kept-alive connection may be closed for its age just when it is used again.
    once = httpx.Limits(max_keepalive_connections=0)
    async with (
        person(address) as owner,
        httpx.AsyncClient(
            base_url=address.http, headers=headers, limits=once, timeout=PATIENCE_SECONDS, verify=False
        ) as admin,
    ):
        yield await possessions(address, admin, operator, owner, tokens)
