"""Composition root of the agent: it acts while it holds the lease of its provider, and else stands by."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from uuid import uuid4

from opsroom_agent.context import ProviderContext
from opsroom_agent.handlers import Handlers
from opsroom_agent.provider import Provider
from opsroom_agent.registry import open_provider
from opsroom_agent.reports import publish_changes, store_record, store_records
from opsroom_agent.settings import AgentSettings
from opsroom_agent.streams import StreamHub
from opsroom_contracts.agents.endpoints import AGENT_SERVICE, agent_endpoints
from opsroom_contracts.agents.records import AgentRecord
from opsroom_contracts.subjects import AGENTS_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.microservice import MicroService
from opsroom_messaging.jetstream.agent_lease import LeaseTiming, ProviderLease
from opsroom_messaging.jetstream.streams import wait_for_streams
from opsroom_runtime.metrics import single
from opsroom_runtime.process import cancel_and_wait, run_tasks

_STOP_SECONDS = 15.0
_TIMING = LeaseTiming()

log = logging.getLogger(__name__)


@asynccontextmanager
async def agent_service(
    broker: NatsConnection, settings: AgentSettings, timing: LeaseTiming = _TIMING
) -> AsyncIterator[asyncio.Event]:
    """Run the agent on ``broker``; yields an event that is set if a background task fails.

    Raises:
        SettingsError: the provider's settings can't be used.
        BrokerUnavailableError: the cloud service has not created its stream yet.
    """
    process = uuid4().hex
    lease = ProviderLease(broker, settings.provider_name(), process, timing=timing)
    async with open_provider(ProviderContext(settings, lease.check)) as provider:
        await wait_for_streams(broker, (AGENTS_STREAM,))
        agent = Agent(broker, lease, provider, _record(settings, provider, process), died := asyncio.Event())
        async with run_tasks(died, agent=agent.run()):
            try:
                yield died
            finally:
                await agent.stop()


def _record(settings: AgentSettings, provider: Provider, process: str) -> AgentRecord:
    return AgentRecord(
        name=settings.provider_name(),
        kind=provider.kind,
        process=process,
        release=version("opsroom-agent"),
        host=socket.gethostname()[:255],
        capabilities=provider.capabilities,
        templates=provider.templates,
        started_at=datetime.now(UTC),
    )


class Agent:
    """One agent process: it acts while it holds the lease, and stands by otherwise.

    ``died``: set if one of the tasks ends early while it acts.
    """

    def __init__(
        self,
        broker: NatsConnection,
        lease: ProviderLease,
        provider: Provider,
        record: AgentRecord,
        died: asyncio.Event,
    ) -> None:
        self._broker = broker
        self._lease = lease
        self._provider = provider
        self._record = record
        self._streams = StreamHub(broker, record.name)
        self._service = self._endpoints()
        self._stop = asyncio.Event()
        self._stopped = asyncio.Event()
        self._acting = False
        self._died = died
        broker.readiness.add(self._problem)
        broker.metrics.gauge(
            "agent_active",
            "1 while the agent holds the lease of its provider and acts.",
            single(lambda: self._acting),
        )
        broker.metrics.gauge(
            "open_streams", "Open streams of logs and statistics.", single(lambda: self._streams.count)
        )

    async def run(self) -> None:
        """Act whenever the lease is held, until ``stop``; then wait to be cancelled."""
        while await self._until_stopped(self._lease.acquire()):
            log.info("acting for provider %s", self._record.name)
            if await self._act():
                break
        self._stopped.set()
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Finish the requests in progress, store when the agent was last seen, and release the lease."""
        self._stop.set()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._stopped.wait()
        except TimeoutError:
            log.warning("the agent has not stopped within %g s", _STOP_SECONDS)

    async def _act(self) -> bool:
        """Act until the lease is lost (returns False) or the process stops (returns True)."""
        keeping = asyncio.create_task(self._lease.keep(), name="lease")
        try:
            async with self._working():
                stopping = not await self._until_stopped(asyncio.shield(keeping))
            if not stopping:
                log.warning("lost the lease of provider %s: %s", self._record.name, keeping.result())
        finally:
            await cancel_and_wait([keeping])
        if stopping:
            await store_record(self._broker, self._record)
            await self._lease.release()
        return stopping

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """Do the work of an agent. At the end, the provider's own work is cancelled before anything else."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._service.stop)
            stack.push_async_callback(self._streams.close)
            await stack.enter_async_context(
                run_tasks(
                    self._died,
                    provider=self._provider.run(),
                    changes=publish_changes(self._broker, self._record.name, self._provider),
                    record=store_records(self._broker, self._record),
                )
            )
            await self._service.start()
            self._acting = True
            try:
                yield
            finally:
                self._acting = False

    async def _until_stopped(self, wait: Awaitable[object]) -> bool:
        """Wait for ``wait``, or until the process stops. Returns whether ``wait`` is done."""
        task, stop = asyncio.ensure_future(wait), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.done() and not self._stop.is_set()
        finally:
            await cancel_and_wait([task, stop])

    def _problem(self) -> str | None:
        if self._acting and not self._lease.held:
            return f"the lease of provider {self._record.name} can't be renewed"
        return None

    def _endpoints(self) -> MicroService:
        service = MicroService(
            self._broker,
            name=AGENT_SERVICE,
            version=version("opsroom-agent"),
            description=f"The agent of provider {self._record.name} ({self._record.kind}).",
            gauges=lambda: {"streams": self._streams.count},
        )
        endpoints = agent_endpoints(self._record.name)
        handlers = Handlers(self._provider, self._lease.check, self._streams)
        service.add(endpoints.apply, handlers.apply)
        service.add(endpoints.observe, handlers.observe)
        service.add(endpoints.list, handlers.list)
        service.add(endpoints.adoptable, handlers.adoptable)
        service.add(endpoints.logs, handlers.logs)
        service.add(endpoints.stats, handlers.stats)
        service.add(endpoints.more, self._streams.more)
        return service
