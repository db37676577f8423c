"""Running services: one in a process, or several together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from opsroom_messaging.settings import BrokerSettings, ServiceSettings
from opsroom_messaging.startup import StartService, start_when_ready
from opsroom_runtime.admin_server import AdminSettings, HealthOfSeveral, HealthStatus, serve_admin
from opsroom_runtime.errors import StartupError, TaskFailedError
from opsroom_runtime.log_fields import work_for
from opsroom_runtime.process import cancel_and_wait, until_stopped
from opsroom_runtime.spans import Tracer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """A service, ready to be run by a process.

    Attributes:
        name: such as ``chat``; also the name of its connection to the broker.
        settings: the broker, the credentials and the admin server.
        start: runs the service on a connection; yields an event that is set if a background task fails.
    """

    name: str
    settings: ServiceSettings
    start: StartService[asyncio.Event]


async def run_program(program: Program, tracer: Tracer) -> None:
    """Run a service until the process is asked to stop.

    Raises:
        TaskFailedError: a background task ended.
        BrokerUnusableError: it can't start with this broker.
    """
    async with _serving(program, tracer, HealthStatus()) as died:
        await until_stopped(died)


async def run_programs(
    programs: Sequence[Program], tracers: Mapping[str, Tracer], admin: AdminSettings
) -> None:
    """Run several services in one process, until it is asked to stop or one of them ends.

    They start at the same time, each on its own connection, and stop at the same time. If one ends with an
    error, the others stop in order, and the process ends with that error: its supervisor restarts all.

    ``tracers``: by the names of the services. ``admin``: the address of a server that answers for all.

    Raises:
        TaskFailedError: a background task of a service ended.
        BrokerUnusableError: a service can't start with this broker.
        AdminAddressError: an admin server can't listen on its address.
    """
    ended, stopping = asyncio.Event(), asyncio.Event()
    parts = [_Part(program, tracers[program.name], stopping) for program in programs]
    async with serve_admin(admin, HealthOfSeveral({part.name: part.health for part in parts})):
        tasks = {part: asyncio.create_task(part.run(), name=part.name) for part in parts}
        for task in tasks.values():
            task.add_done_callback(lambda _: ended.set())
        try:
            with suppress(TaskFailedError):  # the service's own error is raised below
                await until_stopped(ended)
        finally:
            stopping.set()
            await cancel_and_wait(task for part, task in tasks.items() if not part.running)
            await asyncio.wait(tasks.values())
    _raise_first(tasks)


class _Part:
    """One of the services of a process. ``stopping``: set when all of them are to stop."""

    def __init__(self, program: Program, tracer: Tracer, stopping: asyncio.Event) -> None:
        self.name = program.name
        self.health = HealthStatus()
        self.running = False
        """Whether it has started. One that still starts is cancelled, and one that runs stops in order."""
        self._program = program
        self._tracer = tracer
        self._stopping = stopping

    async def run(self) -> None:
        """Run until all are to stop.

        Raises:
            TaskFailedError: a background task ended.
        """
        work_for(self.name)
        async with _serving(self._program, self._tracer, self.health) as died:
            self.running = True
            await _first_of(died, self._stopping)
            if died.is_set():
                raise TaskFailedError(f"a background task of {self.name} ended")


def _raise_first(tasks: Mapping[_Part, asyncio.Task[None]]) -> None:
    """Raise what ended a service: what a restart can't help, if there is such an error."""
    errors: list[BaseException] = []
    for part, task in tasks.items():
        error = None if task.cancelled() else task.exception()
        if error is not None:
            errors.append(error)
            log.error("%s ended: %s", part.name, str(error) or type(error).__name__)
    if errors:
        raise min(errors, key=lambda error: not isinstance(error, StartupError))


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_and_wait(waits)


@asynccontextmanager
async def _serving(program: Program, tracer: Tracer, health: HealthStatus) -> AsyncIterator[asyncio.Event]:
    """Run a service and its own admin server; yields an event that is set if a background task fails."""
    logger = logging.getLogger(f"opsroom_{program.name}")
    async with (
        serve_admin(program.settings, health),
        start_when_ready(program.settings, program.name, tracer, program.start) as (broker, died),
    ):
        with health.report(broker.readiness.problem, broker.metrics):
            logger.info("ready")
            yield died
        logger.info("stopping")


def environ_of(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` as a process of ``service`` alone would have it.

    What all services share, such as ``NATS_USER``, may differ for each of several services in one process:
    ``CHAT_NATS_USER`` is that of the chat service.
    """
    shared = [BrokerSettings.variable(field) for field in sorted(BrokerSettings.shared)]
    own = {name: f"{service.upper()}_{name}" for name in shared}
    return {**environ, **{name: environ[variable] for name, variable in own.items() if variable in environ}}
