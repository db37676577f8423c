"""Events of servers written to the stream by hand, as a cloud service would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from opsroom_contracts.cloud.commands import EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import instance_events
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks


class EventWriter:
    """Writes events."""

    def __init__(self, writer: BatchWriter) -> None:
        self._writer = writer

    async def write(self, event: InstanceEvent) -> int:
        """Store ``event``. Returns its sequence."""
        return (await self._writer.write(Write(instance_events(event.instance_id), encode(event.stored()))))[
            0
        ]

    async def outside(
        self,
        instance_id: str,
        kind: EventType = EventType.ADOPTED,
        state: InstanceState = InstanceState.RUNNING,
        **facts: Any,
    ) -> int:
        """Store an event that no command has caused. Returns its sequence."""
        return await self.write(
            InstanceEvent(
                type=kind,
                instance_id=instance_id,
                state=state,
                actor="outside",
                timestamp=datetime.now(UTC),
                **facts,
            )
        )


@asynccontextmanager
async def event_writer(url: str) -> AsyncIterator[EventWriter]:
    """Open a writer on the broker at ``url``."""
    broker = await connect(url, name="test")
    writer = BatchWriter(broker)
    try:
        async with run_tasks(writer=writer.run()):
            yield EventWriter(writer)
    finally:
        await broker.close()
