"""Watch what the cloud service stores about servers behind an agent, by the broker's clock."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.agents.records import AGENT_LEASE
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.subjects import AGENT_LEASES, AGENTS_STREAM, CLOUD_EVENTS, CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_runtime.process import run_tasks

_POLL_SECONDS = 0.005


@dataclass(slots=True)
class ServerWatcher:
    """A stream handler of events and leases.

    ``late``: milliseconds from the due time of each operation to when its final event was stored.
    ``due``: when each pending operation is due. ``stored``: the servers of each type of event, and how often.
    ``at``: when the last event of that type was stored. ``leased``: when each process got the lease.
    """

    due: dict[str, datetime] = field(default_factory=dict)
    late: dict[str, float] = field(default_factory=dict)
    stored: dict[EventType, Counter[str]] = field(default_factory=dict)
    at: dict[EventType, datetime] = field(default_factory=dict)
    leased: dict[str, datetime] = field(default_factory=dict)

    def on_restart(self, restart: Restart) -> None:
        """Do nothing: the streams are read once."""

    def on_message(self, message: StreamMessage) -> None:
        """Record an event or a lease."""
        if message.subject.startswith("agents."):
            lease = AGENT_LEASE.read(message.data)
            if not lease.released:
                self.leased.setdefault(lease.process, message.at)
            return
        event = INSTANCE_EVENT.read(message.data)
        self.stored.setdefault(event.type, Counter())[event.instance_id] += 1
        self.at[event.type] = message.at
        operation = event.operation_id or ""
        if event.due_at is not None:
            self.due[operation] = event.due_at
        elif event.type is EventType.CREATED:
            self.late[operation] = (message.at - self.due[operation]).total_seconds() * 1e3

    def on_synced(self) -> None:
        """Do nothing."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Do nothing."""
        return False

    def count(self, type_: EventType) -> int:
        """Return of how many servers there was an event of the type."""
        return len(self.stored.get(type_, ()))

    async def until(self, condition: Callable[[], bool], timeout: float, check: Callable[[], None]) -> None:
        """Wait until ``condition``. ``check`` raises if a server has died.

        Raises:
            TimeoutError: it is not true within ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            while not condition():
                check()
                await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def watch_servers(broker: NatsConnection) -> AsyncIterator[ServerWatcher]:
    """Watch the events and the leases from the first on."""
    watcher = ServerWatcher()
    specs = (
        SubscriptionSpec(CLOUD_STREAM, (CLOUD_EVENTS,), StartPolicy.EVENTS),
        SubscriptionSpec(AGENTS_STREAM, (AGENT_LEASES,), StartPolicy.STATE),
    )
    events, leases = (StreamSubscription(broker, spec, watcher) for spec in specs)
    async with run_tasks(events=events.run(), leases=leases.run()):
        yield watcher
