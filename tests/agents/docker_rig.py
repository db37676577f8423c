"""A portal with a Docker agent, and its engine behind a proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_messaging.client.connection import NatsConnection
from services.agent.tests.kit.docker import Docker
from services.cloud.tests.harness import each_once
from tests.agents.engine_proxy import EngineProxy, Hold, Where
from tests.agents.portal import AgentPortal, wished_states

TEMPLATE = "box"


class Rig:
    """A portal, an agent's settings, and the engine behind a proxy."""

    def __init__(self, portal: AgentPortal, proxy: EngineProxy, docker: Docker) -> None:
        self.portal = portal
        self.proxy = proxy
        self.docker = docker

    def hold_all(self, where: Where) -> list[Hold]:
        """Hold what each of the five commands asks of the engine first."""
        patterns = ("POST /containers/create", "/start$", "/stop$", "/restart$", "^DELETE ")
        return [self.proxy.hold(pattern, where) for pattern in patterns]

    async def started_at(self, instance_id: str) -> object:
        """When the container of a server was started last."""
        state = (await self.docker.inspect(f"opsroom-{instance_id}"))["State"]
        assert isinstance(state, dict)
        return state["StartedAt"]

    async def check(self, operations: list[Operation], ids: dict[Command, str]) -> None:
        """Check that each operation has ended once, and that the portal and the engine agree on the rest."""
        assert [await self.portal.outcome(one) for one in operations] == [OperationStatus.DONE] * 5
        happened = each_once(await self.portal.cloud.kept())
        assert {one.id for one in operations} <= set(happened)
        instances = (await self.portal.cloud.page()).instances
        wished = wished_states(operations, ids)
        assert {one.id: one.state for one in instances} == wished
        for instance_id, state in wished.items():
            found = (await self.docker.inspect(f"opsroom-{instance_id}"))["State"]
            assert isinstance(found, dict)
            assert found["Running"] is (state is InstanceState.RUNNING)
        assert len(await self.docker.all_ids()) == len(instances)


@asynccontextmanager
async def rig_at(engine: Path, broker: NatsConnection, url: str, folder: Path) -> AsyncIterator[Rig]:
    """A rig with the engine at a socket; what the test has created there is removed."""
    docker = Docker(engine, folder)
    async with EngineProxy(folder / "proxy.sock", engine).running() as proxy:
        environ = {
            "AGENT_NAME": "docker",
            "AGENT_DOCKER_SOCKET": str(proxy.socket),
            "AGENT_TEMPLATES": str(docker.templates),
        }
        portal = AgentPortal(broker, url, folder, environ)
        docker.portal = portal.portal
        yield Rig(portal, proxy, docker)
    await docker.clean()
