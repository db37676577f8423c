"""The incidents process: ``python -m opsroom_incidents``."""

import asyncio
import logging
import os
from contextlib import AbstractAsyncContextManager

from opsroom_incidents.service import incidents_service
from opsroom_incidents.settings import IncidentsSettings
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.startup import start_when_ready
from opsroom_runtime.admin_server import HealthStatus, serve_admin
from opsroom_runtime.process import run, until_stopped
from opsroom_runtime.spans import Tracer

log = logging.getLogger("opsroom_incidents")


async def main(traces: Tracer) -> None:
    """Run the service until the process is asked to stop."""
    settings = IncidentsSettings.from_environment(os.environ)
    health = HealthStatus()

    def work(broker: NatsConnection) -> AbstractAsyncContextManager[asyncio.Event]:
        return incidents_service(broker, settings)

    async with (
        serve_admin(settings, health),
        start_when_ready(settings, "incidents", traces, work) as (broker, died),
    ):
        with health.report(broker.readiness.problem, broker.metrics):
            log.info("ready")
            await until_stopped(died)
        log.info("stopping")


if __name__ == "__main__":
    run("incidents", main)
