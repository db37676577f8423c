"""The cloud process: ``python -m opsroom_cloud``."""

import logging
import os

from opsroom_cloud.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_messaging.admin import admin
from opsroom_messaging.connection import connect
from opsroom_messaging.process import run, until_stopped
from opsroom_messaging.tracing import Traces

log = logging.getLogger("opsroom_cloud")


async def main(traces: Traces) -> None:
    """Serve until told to stop."""
    settings = CloudSettings.from_environment(os.environ)
    broker = await connect(settings.nats_url, name="cloud", access=settings.nats_access(), traces=traces)
    try:
        async with cloud_service(broker, settings, SimulatedProvider(settings.failure_rate)) as died:
            async with admin(settings, lambda: broker.connected, broker.metrics):
                log.info("ready")
                await until_stopped(died)
            log.info("stopping")
    finally:
        await broker.close()


if __name__ == "__main__":
    run("cloud", main)
