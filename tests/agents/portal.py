"""A cloud service and agents as processes, with a client of the cloud service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.ports import free_port
from opsroom_testkit.processes import ServiceProcess, ready, service
from opsroom_testkit.waiting import until, until_answer
from services.cloud.tests.harness import Cloud

AGENT_SECONDS = 60.0
"""Enough for the lease of a killed agent to expire, and for what comes then."""


class AgentPortal:
    """The processes. ``environ``: the settings of the agent; ``delay``: how long commands can be undone."""

    def __init__(
        self, broker: NatsConnection, url: str, folder: Path, environ: Mapping[str, str], delay: float = 0.5
    ) -> None:
        self.cloud = Cloud(broker)
        self.provider = environ["AGENT_NAME"]
        self.portal = f"test-{uuid4().hex[:12]}"
        self.state = folder / "state"
        self._url = url
        self._folder = folder
        self._delay = delay
        self.environ = {"AGENT_PORTAL": self.portal, "AGENT_STATE_DIR": str(self.state), **environ}

    @asynccontextmanager
    async def service(self) -> AsyncIterator[ServiceProcess]:
        """Run a cloud service."""
        port = free_port()
        environ = {
            "NATS_URL": self._url,
            "CLOUD_ADMIN_PORT": str(port),
            "CLOUD_DELAY_SECONDS": str(self._delay),
        }
        async with service("cloud", self._folder, **environ) as process:
            await ready(port)
            yield process

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[ServiceProcess]:
        """Run an agent until the block ends; it acts when the block begins.

        That may be when the lease of a killed one has expired.
        """
        async with service("agent", self._folder, NATS_URL=self._url, **self.environ) as process:
            await until(lambda: "acting for provider" in process.log.read_text(), AGENT_SECONDS)
            await until_answer(
                self.cloud.providers,
                lambda known: self.provider in known and known[self.provider].connected,
            )
            yield process

    def logs(self, name: str) -> list[str]:
        """Return the logs of all processes of a service."""
        return [path.read_text() for path in self._folder.glob(f"{name}-*.log")]

    async def outcome(self, operation: Operation) -> OperationStatus:
        """Wait until an operation has ended."""
        reply = await until_answer(
            lambda: self.cloud.show(operation.id),
            lambda reply: reply.operation.status is not OperationStatus.PENDING,
            AGENT_SECONDS,
        )
        return reply.operation.status

    async def prepared(self, template: str) -> dict[Command, str]:
        """Create a server for each command that needs one: running, but for the one to start."""
        commands = (Command.START, Command.STOP, Command.RESTART, Command.REMOVE)
        creating = (self.cloud.created(template=template, start=one is not Command.START) for one in commands)
        return dict(zip(commands, await asyncio.gather(*creating), strict=True))

    async def begin(self, ids: dict[Command, str], template: str) -> list[Operation]:
        """Send each command to its server at once, and let another one be created."""
        changes = (self.cloud.change(command, instance_id) for command, instance_id in ids.items())
        replies = await asyncio.gather(self.cloud.create(template=template, start=True), *changes)
        return [reply.operation for reply in replies]


def wished_states(operations: list[Operation], ids: dict[Command, str]) -> dict[str, InstanceState]:
    """Return the state of each server after ``begin``, by id."""
    created = next(one.instance_id for one in operations if one.command is Command.CREATE)
    return {
        created: InstanceState.RUNNING,
        ids[Command.START]: InstanceState.RUNNING,
        ids[Command.STOP]: InstanceState.STOPPED,
        ids[Command.RESTART]: InstanceState.RUNNING,
    }
