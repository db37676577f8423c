"""The containers in which the portal itself runs: they must not become its servers.

Otherwise, anybody who may command servers could stop the broker, or the agent that would have to start it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opsroom_agent.providers.docker.engine import Engine
from opsroom_agent.providers.docker.models import Container, ContainerSummary

_PROJECT_LABEL = "com.docker.compose.project"
_HOST_VARIABLE = "HOSTNAME"
_ID = re.compile(r"[0-9a-f]{12}")
"""The host name in a container that was given none: the beginning of its id."""


@dataclass(frozen=True, slots=True)
class PortalContainers:
    """The container of this agent, and the Compose project to which it belongs; None: there is none."""

    agent: str | None = None
    project: str | None = None

    def include(self, container: Container | ContainerSummary) -> bool:
        """Whether ``container`` is one of them."""
        if container.id == self.agent:
            return True
        return self.project is not None and container.label(_PROJECT_LABEL) == self.project


async def portal_containers(engine: Engine, environ: Mapping[str, str]) -> PortalContainers:
    """Return the containers of the portal, if this agent runs in one of ``engine``.

    Raises:
        EngineUnavailableError, EngineError: the engine does not say.
    """
    host = environ.get(_HOST_VARIABLE, "")
    found = await engine.container(host) if _ID.fullmatch(host) else None
    if found is None or not found.id.startswith(host):
        return PortalContainers()
    return PortalContainers(found.id, found.label(_PROJECT_LABEL))
