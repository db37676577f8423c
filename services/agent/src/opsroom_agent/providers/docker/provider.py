"""The provider ``docker``: servers are containers of one engine."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from pydantic import ValidationError

from opsroom_agent.context import ProviderContext
from opsroom_agent.journal import Journal
from opsroom_agent.operations import Operations
from opsroom_agent.providers.docker.changes import Changes
from opsroom_agent.providers.docker.claims import Claims
from opsroom_agent.providers.docker.commands import DockerCommands
from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import Engine, EngineError, EngineUnavailableError, open_engine
from opsroom_agent.providers.docker.logs import LogReader
from opsroom_agent.providers.docker.models import Container
from opsroom_agent.providers.docker.portal_containers import portal_containers
from opsroom_agent.providers.docker.pulls import Pulls
from opsroom_agent.providers.docker.registries import RegistryCredentials
from opsroom_agent.providers.docker.templates import DockerTemplates, read_templates
from opsroom_agent.providers.docker.usage import Usage
from opsroom_agent.providers.docker.views import (
    INSTANCE_LABEL,
    PORTAL_LABEL,
    adoptable,
    container_name,
    listed,
)
from opsroom_contracts.agents.protocol import (
    OBSERVE_MAX,
    AdoptableReply,
    ApplyReply,
    ApplyRequest,
    ChangeNotice,
    Listed,
    LogLine,
    LogsRequest,
    ObserveReply,
    ObserveRequest,
    ProviderListReply,
    ProviderListRequest,
    StatsRequest,
    StatsSample,
)
from opsroom_contracts.agents.records import AgentCapability, TemplateView
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_runtime.process import run_tasks

_LIST_SECONDS = 10.0
"""How long the ids of a list are used for its further pages."""
_AT_ONCE = 8

log = logging.getLogger(__name__)


class DockerProvider:
    """Implements :class:`opsroom_agent.provider.Provider` for one engine and one portal."""

    kind = "docker"
    capabilities = (AgentCapability.ADOPT, AgentCapability.LOGS, AgentCapability.STATS)

    def __init__(
        self,
        engine: Engine,
        portal: str,
        templates: DockerTemplates,
        journal: Journal,
        config: Path | None,
        environ: Mapping[str, str],
    ) -> None:
        self.templates: tuple[TemplateView, ...] = templates.views()
        self._engine = engine
        self._portal = portal
        self._containers = Containers(engine, portal)
        self._claims = Claims(engine, portal)
        self._environ = environ
        pulls = Pulls(engine, RegistryCredentials(config, environ))
        commands = DockerCommands(self._containers, templates, pulls, self._claims, environ)
        self._operations = Operations(commands.work, journal)
        self._usage = Usage(self._containers)
        self._listed: tuple[float, tuple[str, ...]] = (0.0, ())

    async def apply(self, request: ApplyRequest) -> ApplyReply:
        """Begin an operation, or report how far it is."""
        return await self._operations.apply(request)

    async def observe(self, request: ObserveRequest) -> ObserveReply:
        """Look at containers."""
        return await self._containers.observe(request.servers)

    async def list(self, request: ProviderListRequest) -> ProviderListReply:
        """Return a page of this portal's containers.

        Raises:
            FaultError: ``unavailable``: the engine does not respond.
        """
        try:
            ids = await self._ids(first=request.after is None)
            rest = [one for one in ids if request.after is None or one > request.after]
            page = rest[: request.limit]
            servers = await self._look(page)
        except (EngineError, EngineUnavailableError) as error:
            raise _unavailable(error) from error
        return ProviderListReply(servers=servers, next=page[-1] if len(rest) > len(page) else None)

    async def adoptable(self) -> AdoptableReply:
        """Return the containers that belong to no portal, and in which this one does not run.

        Raises:
            FaultError: ``unavailable``: the engine does not respond.
        """
        try:
            containers = await self._engine.containers()
            claimed = await self._claims.of_others()
            portal = await portal_containers(self._engine, self._environ)
        except (EngineError, EngineUnavailableError) as error:
            raise _unavailable(error) from error
        free = sorted(
            (
                one
                for one in containers
                if one.label(PORTAL_LABEL) is None and one.id not in claimed and not portal.include(one)
            ),
            key=lambda one: one.name,
        )
        return AdoptableReply(
            resources=tuple(adoptable(one) for one in free[:OBSERVE_MAX]), more=len(free) > OBSERVE_MAX
        )

    def logs(self, request: LogsRequest) -> AsyncGenerator[tuple[LogLine, ...], None]:
        """Iterate over the log of a container."""
        return LogReader(self._containers, request).lines()

    def stats(self, request: StatsRequest) -> AsyncGenerator[tuple[StatsSample, ...], None]:
        """Iterate over samples of the use of resources."""
        return self._usage.follow(request)

    def changes(self) -> AsyncGenerator[ChangeNotice, None]:
        """Iterate over changes of containers."""
        return Changes(self._containers).notices()

    async def run(self) -> None:
        """Own the operations, and take samples, until cancelled."""
        async with run_tasks(operations=self._operations.run(), usage=self._usage.run()) as failed:
            await failed.wait()

    async def _ids(self, *, first: bool) -> tuple[str, ...]:
        """Return the ids of this portal's instances, sorted. Further pages of a list use the same ids."""
        at, ids = self._listed
        if first or monotonic() - at > _LIST_SECONDS:
            containers = await self._engine.containers(f"{PORTAL_LABEL}={self._portal}")
            ids = tuple(sorted(found for one in containers if (found := one.label(INSTANCE_LABEL))))
            self._listed = (monotonic(), ids)
        return ids

    async def _look(self, ids: Sequence[str]) -> tuple[Listed, ...]:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def look(instance_id: str) -> Listed | None:
            async with limit:
                container = await self._engine.container(container_name(instance_id))
            return self._entry(instance_id, container)

        found = await asyncio.gather(*(look(instance_id) for instance_id in ids))
        return tuple(entry for entry in found if entry is not None)

    def _entry(self, instance_id: str, container: Container | None) -> Listed | None:
        if container is None or not self._containers.is_ours(container, instance_id):
            return None
        try:
            return listed(instance_id, container)
        except ValidationError:
            log.warning("the labels of container %s are invalid; it is ignored", container.name)
            return None


@asynccontextmanager
async def docker_provider(
    context: ProviderContext, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[DockerProvider]:
    """Build the provider from the settings. ``environ``: our variables, which credential helpers see, and
    which show in which container we run.

    Raises:
        SettingsError: the template file can't be used.
    """
    settings = context.settings
    templates = await asyncio.to_thread(read_templates, settings.templates)
    journal = Journal(None if settings.state_dir is None else settings.state_dir / "operations")
    async with open_engine(settings.docker_socket, context.check) as engine:
        yield DockerProvider(engine, settings.portal, templates, journal, settings.docker_config, environ)


def _unavailable(error: Exception) -> FaultError:
    return refuse(ErrorCode.UNAVAILABLE, str(error))
