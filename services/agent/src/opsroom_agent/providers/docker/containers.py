"""Finding the containers of this portal: by name and label, or by their id if they were adopted."""

import asyncio
from collections import OrderedDict

from opsroom_agent.providers.docker.engine import Engine
from opsroom_agent.providers.docker.models import Container
from opsroom_agent.providers.docker.views import INSTANCE_LABEL, PORTAL_LABEL, container_name, observation
from opsroom_contracts.agents.protocol import Observation, ObserveReply, ServerRef

_AT_ONCE = 8
_OBSERVE_SECONDS = 6.0
_ADOPTED_MAX = 10_000


class Containers:
    """The containers of ``portal`` at one engine."""

    def __init__(self, engine: Engine, portal: str) -> None:
        self.engine = engine
        self.portal = portal
        self._adopted: OrderedDict[str, str] = OrderedDict()

    @property
    def adopted(self) -> dict[str, str]:
        """The instances of containers that the portal has adopted and asked about, by container id."""
        return dict(self._adopted)

    def is_ours(self, container: Container, instance_id: str) -> bool:
        """Return whether this portal has created the container for the instance."""
        return container.label(PORTAL_LABEL) == self.portal and container.label(INSTANCE_LABEL) == instance_id

    async def find(self, server: ServerRef) -> Container | None:
        """Return the container of a server. One that another portal has made counts as missing.

        Raises:
            EngineUnavailableError, EngineError: the engine does not say.
        """
        if server.resource is None:
            container = await self.engine.container(container_name(server.id))
            return container if container and self.is_ours(container, server.id) else None
        container = await self.engine.container(server.resource)
        if container is None or container.label(PORTAL_LABEL) not in {None, self.portal}:
            return None
        self._remember(container.id, server.id)
        return container

    async def observe(self, servers: tuple[ServerRef, ...]) -> ObserveReply:
        """Look at servers. Those that can't be observed, or not in time, are in neither list."""
        found: list[Observation] = []
        gone: list[str] = []
        limit = asyncio.Semaphore(_AT_ONCE)

        async def look(server: ServerRef) -> None:
            async with limit:
                container = await self.find(server)
            if container is None:
                gone.append(server.id)
            else:
                adopted = server.resource is not None
                found.append(observation(server.id, container, adopted=adopted))

        tasks = [asyncio.create_task(look(server)) for server in servers]
        try:
            await asyncio.wait(tasks, timeout=_OBSERVE_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return ObserveReply(found=tuple(found), gone=tuple(gone))

    def _remember(self, container_id: str, instance_id: str) -> None:
        self._adopted[container_id] = instance_id
        self._adopted.move_to_end(container_id)
        if len(self._adopted) > _ADOPTED_MAX:
            self._adopted.popitem(last=False)
