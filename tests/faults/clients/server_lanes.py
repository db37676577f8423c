"""Lanes that take servers behind agents through their lives: created or adopted, changed, removed."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.agents.spec import AgentSpec, Engine
from tests.faults.clients.commander import LaneEndedError
from tests.faults.clients.operator_clients import OperatorClient
from tests.faults.clients.recorder import Recorder
from tests.faults.clients.server_commander import (
    ServerCommander,
    ServerOrder,
    act,
    adopt,
    change,
    create,
)
from tests.faults.verification.cloud_history import Accepted

_STEPS = ("start", "stop", "restart", "start", "stop", "rename", "label", "protect")
_CONTENDED = ("web-1", "web-2", "web-3")
"""Names that several lanes want."""
_SAME_KEY = 3
_ENDS = {"cancelled", "failed"}


@dataclass(slots=True)
class _Server:
    """A server of a lane."""

    instance: str
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Market:
    """What all lanes share: the provider, and the engine that knows what may be adopted."""

    recorder: Recorder
    spec: AgentSpec
    engine: Engine


class ServerLane:
    """One lane of ``operator``: one server after another."""

    def __init__(self, market: Market, operator: OperatorClient, number: int) -> None:
        self.name = f"{operator.name}, server {number}"
        self._recorder, self._spec, self._engine = market.recorder, market.spec, market.engine
        self._operator = operator
        self._commander = ServerCommander(market.recorder, operator.commander, market.spec.name)
        self._key = f"{operator.name}.s{number}"

    async def run(self) -> None:
        """Take servers through their lives until the load ends."""
        await self._operator.ready.wait()
        life = 0
        while not self._recorder.stopping.is_set():
            life += 1
            with suppress(LaneEndedError):
                server = await self._begin(f"{self._key}.{life}")
                if server is not None:
                    await self._live(server, f"{self._key}.{life}")

    async def _begin(self, key: str) -> _Server | None:
        """Create or adopt a server, or take one that the portal has taken in. None: there is none."""
        rng, strays = self._recorder.rng, self._recorder.strays
        if strays and rng.random() < 0.5:
            return _Server(strays.pop())
        if rng.random() < 0.1 and (order := await self._adoption(key)) is not None:
            return await self._begun(order, _Server(""))
        dice = rng.random()
        contended = 0.4 <= dice < 0.5 and self._recorder.may_be_refused()
        name = key.replace(".", "-") if dice < 0.4 else rng.choice(_CONTENDED) if contended else ""
        labels = {"lane": self._key} if rng.random() < 0.3 else {}
        order = create(key, self._spec.template, name, labels, start=rng.random() < 0.5)
        return await self._begun(order, _Server("", name, labels))

    async def _adoption(self, key: str) -> ServerOrder | None:
        for resource in await self._commander.adoptable():
            if self._engine.may_be_adopted(resource) and self._recorder.claim(resource):
                return adopt(key, self._spec.name, resource)
        return None

    async def _begun(self, order: ServerOrder, server: _Server) -> _Server | None:
        if self._recorder.rng.random() < 0.1:  # the same key at the same time
            results = await asyncio.gather(*(self._commander.send(order) for _ in range(_SAME_KEY)))
            accepted = results[0]
        else:
            accepted = await self._commander.send(order)
        if isinstance(accepted, str) or await self._end(order, accepted) in _ENDS:
            return None
        server.instance = accepted.instance
        return server

    async def _live(self, server: _Server, key: str) -> None:
        rng = self._recorder.rng
        for turn in range(rng.randrange(2, 8)):
            if not await self._step(server, rng.choice(_STEPS), f"{key}.{turn}"):
                break
        attempt = 0
        while not self._recorder.stopping.is_set():
            attempt += 1
            order = act("remove", f"{key}.remove.{attempt}", server.instance, server.instance)
            accepted = await self._commander.send(order)
            if isinstance(accepted, str):
                raise LaneEndedError
            if await self._end(order, accepted) == "removed":
                return

    async def _step(self, server: _Server, command: str, key: str) -> bool:
        """Do one command. Returns False if the server is lost: it can only be removed."""
        order = self._order(server, command, key)
        accepted = await self._commander.send(order)
        if isinstance(accepted, str):
            return accepted != "transition_invalid"
        if command in {"start", "stop", "restart"}:
            await self._end(order, accepted)
            return True
        if self._recorder.rng.random() < 0.2:
            await self._commander.send(order, repeated=True)
        if command == "rename":
            server.name = order.wish
        elif command == "protect":
            await self._protected(server, key)
        return True

    def _order(self, server: _Server, command: str, key: str) -> ServerOrder:
        rng = self._recorder.rng
        target = server.name if server.name and rng.random() < 0.5 else server.instance
        match command:
            case "rename":
                return change("rename", key, server.instance, target, key.replace(".", "-"))
            case "label":
                return change("label", key, server.instance, target, {f"l{rng.randrange(4)}": key})
            case "protect":
                return change("protect", key, server.instance, target, True)
            case _:
                return act(command, key, server.instance, target)

    async def _protected(self, server: _Server, key: str) -> None:
        """A protected server is not stopped; then it is unprotected."""
        if self._recorder.may_be_refused():
            refused = await self._commander.send(act("stop", f"{key}.no", server.instance, server.instance))
            if not isinstance(refused, str):
                self._recorder.record_violation(f"{server.instance} was stopped although it is protected")
        order = change("unprotect", f"{key}.un", server.instance, server.instance, False)
        await self._commander.send(order)

    async def _end(self, order: ServerOrder, accepted: Accepted) -> str:
        """Repeat or cancel the command now and then, and wait for its end."""
        dice = self._recorder.rng.random()
        if dice < 0.08:
            again = await self._commander.send(order, repeated=True)
            if isinstance(again, str) or again.operation != accepted.operation:
                self._recorder.record_violation(f"{order.key} came to {accepted.operation} and {again}")
        elif dice < 0.16:
            await self._operator.commander.cancel(accepted)
        return await self._operator.final(accepted)
