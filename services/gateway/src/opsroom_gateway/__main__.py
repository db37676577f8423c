"""The gateway process: ``python -m opsroom_gateway``."""

import asyncio
import logging
import os

from opsroom_gateway.app import gateway
from opsroom_gateway.edge.admission import allow_open_files
from opsroom_gateway.server import listen, make_server
from opsroom_gateway.settings import GatewaySettings
from opsroom_messaging.admin import admin
from opsroom_messaging.connection import connect
from opsroom_messaging.process import run, until_stopped
from opsroom_messaging.tracing import Traces

log = logging.getLogger("opsroom_gateway")


async def main(traces: Traces) -> None:
    """Serve until told to stop."""
    settings = GatewaySettings.from_environment(os.environ)
    allow_open_files()
    listener = listen(settings)
    broker = await connect(settings.nats_url, name="gateway", access=settings.nats_access(), traces=traces)
    try:
        async with gateway(broker, settings) as at_work:
            server = make_server(at_work, settings)
            async with admin(settings, at_work.live, broker.metrics):
                serving = asyncio.create_task(server.serve([listener]))
                log.info("ready on %s:%d", *listener.getsockname()[:2])
                try:
                    await until_stopped(at_work.died)
                    log.info("stopping")
                finally:
                    server.stop()
                    await serving
    finally:
        await broker.close()
        listener.close()


if __name__ == "__main__":
    run("gateway", main)
