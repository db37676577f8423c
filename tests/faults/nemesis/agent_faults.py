"""Faults of agents, of the engine behind them, and changes of its servers outside the portal."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import uuid4

from tests.faults.agents.spec import Engine
from tests.faults.clients.recorder import Recorder
from tests.faults.cluster.cluster import PortalCluster, Proxied
from tests.faults.cluster.managed_process import ManagedProcess
from tests.faults.nemesis.plan import Fault, FaultKind
from tests.faults.verification.agent_history import EngineServer, OutsideChange, OutsideKind

_AT_ONCE = 3
"""How many servers one fault changes."""
_AIM_SECONDS = 3.0
_ASK_SECONDS = 3.0
_ACTS = b"\nopsroom_agent_active 1"
_KINDS = {
    FaultKind.SERVER_CRASHED: OutsideKind.CRASHED,
    FaultKind.SERVER_STOPPED: OutsideKind.STOPPED,
    FaultKind.SERVER_REMOVED: OutsideKind.REMOVED,
    FaultKind.SERVER_APPEARED: OutsideKind.APPEARED,
}

Times = tuple[float, float]
ResultT = TypeVar("ResultT")


class AgentFaults:
    """Changes servers outside the portal, and finds the agent that acts."""

    def __init__(self, cluster: PortalCluster, recorder: Recorder, engine: Engine) -> None:
        self._cluster = cluster
        self._recorder = recorder
        self._engine = engine
        self._asking = asyncio.Lock()

    async def acting(self) -> list[ManagedProcess]:
        """Return the agent that acts; none if it is not known."""
        agents = self._cluster.agents
        active = await asyncio.gather(*(_acts(agent) for agent in agents))
        return [agent.child for agent, acts in zip(agents, active, strict=True) if acts]

    async def until_working(self, fault: Fault) -> None:
        """Wait until an operation is due that has just been accepted, and then for a part of its work."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_AIM_SECONDS):
                await self._recorder.serving.wait()
        spec = self._cluster.size.agent
        work = spec.work if spec is not None else 0.0
        due = self._recorder.last_served - time.time() + fault.pick * (work + 0.1)
        await asyncio.sleep(min(max(due, 0.0), self._cluster.size.delay + work))

    async def take_away(self, fault: Fault) -> Times:
        """Let the engine respond to no agent for a while."""
        start = time.time()
        await self._ask(partial(self._engine.go_away, fault.seconds))
        return start, time.time()

    async def change(self, fault: Fault) -> Times:
        """Change some servers at the engine."""
        start, kind = time.time(), _KINDS[fault.kind]
        if kind is OutsideKind.APPEARED:
            await self._appear(str(uuid4()))
            await self._appear("")
            return start, time.time()
        servers = await self._ask(self._engine.servers) or []
        removed = kind is OutsideKind.REMOVED
        running = servers if removed else [one for one in servers if one.state == "running"]
        victims = self._recorder.rng.sample(running, min(_AT_ONCE, len(running)))
        for victim in victims:
            await self._change(kind, victim)
        return start, time.time()

    async def _change(self, kind: OutsideKind, victim: EngineServer) -> None:
        begun = time.time()
        if await self._ask(partial(self._engine.change, kind, victim)):
            self._note(kind, victim.instance, victim.resource, begun)

    async def _appear(self, instance: str) -> None:
        spec, begun = self._cluster.size.agent, time.time()
        servers = await self._ask(self._engine.servers)
        if servers is None or spec is None or len(servers) >= spec.servers_max:
            return
        resource = await self._ask(partial(self._engine.appear, instance))
        if instance and resource is not None:
            self._note(OutsideKind.APPEARED, instance, resource, begun)

    async def _ask(self, call: Callable[[], ResultT]) -> ResultT | None:
        """Ask the engine, one question at a time. None: it did not respond."""
        async with self._asking:
            with suppress(OSError):
                return await asyncio.to_thread(call)
        return None

    def _note(self, kind: OutsideKind, instance: str, resource: str, begun: float) -> None:
        agent = self._recorder.history.agent
        if agent is not None:
            agent.outside.append(OutsideChange(kind, instance, resource, begun, time.time()))


async def _acts(agent: Proxied) -> bool:
    with suppress(OSError):
        async with asyncio.timeout(_ASK_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", agent.port)
            try:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n")
                return _ACTS in await reader.read()
            finally:
                writer.transport.abort()
    return False
