"""The gateway process: ``python -m opsroom_gateway``."""

import asyncio
import logging
import os
import socket
from contextlib import AbstractAsyncContextManager, ExitStack, closing

from opsroom_gateway.app import Gateway, gateway
from opsroom_gateway.process_settings import ProcessSettings
from opsroom_gateway.transport.connection_limits import raise_open_file_limit
from opsroom_gateway.transport.server import Server, listen, make_server
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.startup import start_when_ready
from opsroom_runtime.admin_server import HealthStatus, serve_admin
from opsroom_runtime.process import on_hangup, run, until_stopped
from opsroom_runtime.spans import Tracer

log = logging.getLogger("opsroom_gateway")


async def main(traces: Tracer) -> None:
    """Serve until stopped."""
    settings = ProcessSettings.from_environment(os.environ)
    raise_open_file_limit()
    with ExitStack() as opened:
        ports = (settings.port, *settings.course_ports)
        await _run(
            settings, traces, [opened.enter_context(closing(listen(settings, port))) for port in ports]
        )


async def _run(settings: ProcessSettings, traces: Tracer, listeners: list[socket.socket]) -> None:
    """Serve on ``listeners`` until stopped: the gateway's, and those of the course contract."""
    course_ports = [listener.getsockname()[1] for listener in listeners[1:]]
    health = HealthStatus()

    def work(broker: NatsConnection) -> AbstractAsyncContextManager[Gateway]:
        return gateway(broker, settings, course_ports=course_ports)

    async with (
        serve_admin(settings, health),
        start_when_ready(settings, "gateway", traces, work) as (broker, at_work),
    ):
        with health.report(at_work.problem, broker.metrics):
            await _serve(make_server(at_work, settings), listeners, at_work.failed)


async def _serve(server: Server, listeners: list[socket.socket], failed: asyncio.Event) -> None:
    """Serve until stopped, and then until all connections are closed."""
    serving = asyncio.create_task(server.serve(listeners))
    on_hangup(server.reload)
    log.info("ready on %s:%d", *listeners[0].getsockname()[:2])
    try:
        await until_stopped(failed)
        log.info("stopping")
    finally:
        server.stop()
        await serving


if __name__ == "__main__":
    run("gateway", main)
