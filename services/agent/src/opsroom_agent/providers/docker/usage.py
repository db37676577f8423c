"""The use of resources: samples of the last 15 minutes in memory, and new ones on demand."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_agent.providers.docker.containers import Containers
from opsroom_agent.providers.docker.engine import EngineError, EngineUnavailableError
from opsroom_agent.providers.docker.models import NEVER, Container, ContainerStats, ContainerSummary
from opsroom_agent.providers.docker.views import PORTAL_LABEL
from opsroom_contracts.agents.protocol import CHUNK_LINES_MAX, StatsRequest, StatsSample
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_runtime.failure_log import FailureLog

HISTORY_SECONDS = 900
SAMPLE_SECONDS = 10.0
"""The interval of samples that are kept."""
FOLLOW_SECONDS = 2.0
"""The interval of samples for a viewer."""
CONTAINERS_MAX = 1000
"""For more containers than this, no history is kept."""
_KEPT = round(HISTORY_SECONDS / SAMPLE_SECONDS)
_AT_ONCE = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """A cumulative reading: ``cpu`` is the time of all cores so far, in nanoseconds; ``memory`` in bytes."""

    at: datetime
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a container: in cores and bytes, or None."""

    cpu: float | None = None
    memory: int | None = None


@dataclass(slots=True)
class _History:
    limits: Limits
    last: Reading | None = None
    samples: deque[StatsSample] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Usage:
    """Keeps samples of the portal's running containers; the memory for them is bounded."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._engine = containers.engine
        self._histories: dict[str, _History] = {}

    async def run(self) -> None:
        """Take a sample of each container every :data:`SAMPLE_SECONDS`, until cancelled."""
        failures = FailureLog(log, "sampling the use of resources", level=logging.INFO)
        while True:
            try:
                await self._sample_all()
            except (EngineError, EngineUnavailableError) as error:
                failures.failed(str(error))
            else:
                failures.succeeded()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def follow(self, request: StatsRequest) -> AsyncGenerator[tuple[StatsSample, ...], None]:
        """Yield the samples of the last 15 minutes and, if they are followed, new ones while it runs.

        Raises:
            FaultError: the server does not exist, or the engine does not respond.
        """
        last: Reading | None = None
        history_sent = False
        while True:
            container = await self._find(request)
            if not history_sent:
                for samples in self._past(container.id):
                    yield samples
                history_sent = True
            reading = await self._read(container.id) if container.state.running else None
            if reading is not None and last is not None and reading.at > last.at:
                yield (sample_between(last, reading, limits_of(container)),)
            last = reading
            if not request.follow:
                return
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _find(self, request: StatsRequest) -> Container:
        try:
            container = await self._containers.find(request.server)
        except (EngineError, EngineUnavailableError) as error:
            raise refuse(ErrorCode.UNAVAILABLE, str(error)) from error
        if container is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"server {request.server.name} does not exist")
        return container

    def _past(self, container_id: str) -> list[tuple[StatsSample, ...]]:
        history = self._histories.get(container_id)
        samples = () if history is None else tuple(history.samples)
        return [samples[i : i + CHUNK_LINES_MAX] for i in range(0, len(samples), CHUNK_LINES_MAX)]

    async def _sample_all(self) -> None:
        listed = await self._engine.containers()
        running = [one.id for one in listed if one.state == "running" and self._is_managed(one)]
        known = set(sorted(running)[:CONTAINERS_MAX])
        self._histories = {one: history for one, history in self._histories.items() if one in known}
        limit = asyncio.Semaphore(_AT_ONCE)

        async def sample(container_id: str) -> None:
            async with limit:
                await self._sample(container_id)

        await asyncio.gather(*(sample(container_id) for container_id in known))

    def _is_managed(self, container: ContainerSummary) -> bool:
        portal = container.label(PORTAL_LABEL)
        return portal == self._containers.portal or container.id in self._containers.adopted

    async def _sample(self, container_id: str) -> None:
        history = self._histories.get(container_id)
        if history is None:
            container = await self._engine.container(container_id)
            if container is None:
                return
            history = self._histories[container_id] = _History(limits_of(container))
        reading = await self._read(container_id)
        if reading is not None and history.last is not None and reading.at > history.last.at:
            history.samples.append(sample_between(history.last, reading, history.limits))
        history.last = reading

    async def _read(self, container_id: str) -> Reading | None:
        try:
            return reading_of(await self._engine.usage(container_id))
        except (EngineError, EngineUnavailableError):
            return None


def reading_of(stats: ContainerStats) -> Reading | None:
    """Return what a reply of the engine says; None if the container does not run.

    The memory is what the container needs: without pages of files that the system may drop at any time.
    """
    if stats.read.startswith(NEVER[:10]):
        return None
    details = stats.memory_stats.stats or {}
    cache = details.get("inactive_file", details.get("total_inactive_file", 0))
    memory = max(0, stats.memory_stats.usage - cache)
    return Reading(datetime.fromisoformat(stats.read), stats.cpu_stats.cpu_usage.total_usage, memory)


def sample_between(before: Reading, after: Reading, limits: Limits) -> StatsSample:
    """Return the use of resources between two readings; a counter that went back counts as 0."""
    seconds = (after.at - before.at).total_seconds()
    return StatsSample(
        at=after.at,
        cpu=round(max(0, after.cpu - before.cpu) / 1e9 / seconds, 4),
        memory=after.memory,
        cpu_limit=limits.cpu,
        memory_limit=limits.memory,
    )


def limits_of(container: Container) -> Limits:
    """Return the limits of a container."""
    host = container.host_config
    return Limits(host.nano_cpus / 1e9 if host.nano_cpus else None, host.memory or None)
