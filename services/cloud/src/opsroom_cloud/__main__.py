"""The cloud process: ``python -m opsroom_cloud``."""

import asyncio
import logging
import os
from contextlib import AbstractAsyncContextManager

from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.startup import start_when_ready
from opsroom_runtime.admin_server import HealthStatus, serve_admin
from opsroom_runtime.process import run, until_stopped
from opsroom_runtime.spans import Tracer

log = logging.getLogger("opsroom_cloud")


async def main(traces: Tracer) -> None:
    """Run the service until the process is asked to stop."""
    settings = CloudSettings.from_environment(os.environ)
    settings.policy()  # a mistake in it ends the start at once, not only when the broker is there
    health = HealthStatus()

    def work(broker: NatsConnection) -> AbstractAsyncContextManager[asyncio.Event]:
        return cloud_service(broker, settings, SimulatedProvider(settings.failure_rate))

    async with (
        serve_admin(settings, health),
        start_when_ready(settings, "cloud", traces, work) as (broker, died),
    ):
        with health.report(broker.readiness.problem, broker.metrics):
            log.info("ready")
            await until_stopped(died)
        log.info("stopping")


if __name__ == "__main__":
    run("cloud", main)
