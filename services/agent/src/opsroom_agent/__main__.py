"""The agent's process: ``python -m opsroom_agent``."""

import asyncio
import logging
import os
from contextlib import AbstractAsyncContextManager

from opsroom_agent.service import agent_service
from opsroom_agent.settings import AgentSettings
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.startup import start_when_ready
from opsroom_runtime.admin_server import HealthStatus, serve_admin
from opsroom_runtime.process import run, until_stopped
from opsroom_runtime.spans import Tracer

log = logging.getLogger("opsroom_agent")


async def main(traces: Tracer) -> None:
    """Run the agent until the process is asked to stop."""
    settings = AgentSettings.from_environment(os.environ)
    health = HealthStatus()
    if settings.state_dir is None:
        log.warning("AGENT_STATE_DIR is not set: after a kill of the agent, an operation may be done twice")

    def work(broker: NatsConnection) -> AbstractAsyncContextManager[asyncio.Event]:
        return agent_service(broker, settings)

    async with (
        serve_admin(settings, health),
        start_when_ready(settings, "agent", traces, work) as (broker, died),
    ):
        with health.report(broker.readiness.problem, broker.metrics):
            log.info("ready")
            await until_stopped(died)
        log.info("stopping")


if __name__ == "__main__":
    run("agent", main)
