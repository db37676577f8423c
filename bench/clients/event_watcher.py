"""Watch the cloud's stream, by the broker's clock."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.subjects import CLOUD_EVENTS, CLOUD_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.stream_subscription import StartPolicy, StreamSubscription, SubscriptionSpec
from opsroom_runtime.process import run_tasks

_SETTLE_SECONDS = 2.0
"""How long to wait for a second end of a finished operation."""


@dataclass(slots=True)
class EventWatcher:
    """A stream handler that records when creates were received and done.

    ``late_stored_ms``: milliseconds from an operation's due time to when its end was stored;
    ``late_said_ms``: to the timestamp that the event of its end carries.
    """

    due: dict[str, datetime] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    late_stored_ms: list[float] = field(default_factory=list)
    late_said_ms: list[float] = field(default_factory=list)
    first_received: datetime | None = None
    last_done: datetime | None = None

    def on_restart(self, restart: Restart) -> None:
        """Do nothing: the stream is read once."""

    def on_message(self, message: StreamMessage) -> None:
        """Record an event."""
        event = INSTANCE_EVENT.read(message.data)
        if event.type is EventType.RECEIVED and event.due_at is not None:
            self.first_received = self.first_received or message.at
            self.due[event.operation_id or ""] = event.due_at
        elif event.type is EventType.CREATED:
            self.done[event.operation_id or ""] += 1
            self.last_done = message.at
            due = self.due[event.operation_id or ""]
            self.late_stored_ms.append((message.at - due).total_seconds() * 1e3)
            self.late_said_ms.append((event.timestamp - due).total_seconds() * 1e3)

    def on_synced(self) -> None:
        """Do nothing."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Do nothing."""
        return False

    async def wait_done(self, operations: Collection[str], timeout: float, check: Callable[[], None]) -> None:
        """Wait until all are done or ``timeout`` seconds have passed, and a little longer for second ends.

        ``check`` raises if a server has died.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self.done.keys() >= set(operations):
                    check()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass  # the table has the number that was never done
        await asyncio.sleep(_SETTLE_SECONDS)

    def seconds(self) -> float:
        """Return the seconds from the first acceptance to the last end; NaN if there is none."""
        if self.first_received is None or self.last_done is None:
            return float("nan")
        return (self.last_done - self.first_received).total_seconds()


@asynccontextmanager
async def watch_events(broker: NatsConnection) -> AsyncIterator[EventWatcher]:
    """Watch the events from the first on."""
    watcher = EventWatcher()
    follower = StreamSubscription(
        broker, SubscriptionSpec(CLOUD_STREAM, (CLOUD_EVENTS,), StartPolicy.EVENTS), watcher
    )
    async with run_tasks(follower=follower.run()):
        yield watcher
