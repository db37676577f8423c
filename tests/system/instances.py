"""Create many servers in a running portal within seconds, stored as the cloud service stores them.

Run as ``OPSROOM_DATA=<its folder> python -m tests.system.instances <how many>``.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import instance_events
from opsroom_launcher.install.install_layout import checkout_layout
from opsroom_launcher.selection.portal_locator import locate_portal
from opsroom_launcher.selection.portal_selection import select_portal
from opsroom_messaging.client.connection import connect
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def _created(number: int) -> Write:
    event = InstanceEvent(
        type=EventType.CREATED,
        instance_id=str(uuid4()),
        operation_id=str(uuid4()),
        command=Command.CREATE,
        state=InstanceState.STOPPED,
        actor="anonymous",
        timestamp=_FIRST + timedelta(seconds=number),
    )
    return Write(instance_events(event.instance_id), encode(event), expected=0)


async def main(count: int) -> None:
    """Store ``count`` servers; each was created a second after the one before."""
    home = checkout_layout(Path.cwd())
    found = locate_portal(home, os.environ, select_portal(home, os.environ)).broker()
    assert found is not None, "OPSROOM_DATA is where a portal keeps its data"
    url, access = found
    broker = await connect(url, name="instances", credentials=access)
    writer = BatchWriter(broker)
    running = asyncio.create_task(writer.run())
    await asyncio.gather(*(writer.write(_created(number)) for number in range(count)))
    running.cancel()
    await broker.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
