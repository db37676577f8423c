"""The gateway is killed and started again: everybody reconnects and resumes at once."""

import asyncio

from bench.crowd import CrowdFigures, CrowdPlan, put_crowd
from bench.member import SSE, WEBSOCKET
from bench.options import Options
from bench.portal import portal
from bench.table import Cell, Table

_HEADERS = (
    "readers",
    "gateway back s",
    "all live after s",
    "turned away",
    "messages",
    "missed",
    "twice",
    "out of order",
    "unknown",
    "generator CPU %",
)


async def measure(options: Options) -> list[Table]:
    """The largest crowd of ``options.crowds``, of sockets and of streams, once each."""
    readers = max(options.crowds)
    rows: list[tuple[Cell, ...]] = []
    for kind in (WEBSOCKET, SSE):
        found = await _storm(kind, readers, options)
        rows.append(
            (
                f"{readers:,} × {kind}",
                found.down,
                found.live,
                found.turned_away,
                found.messages,
                *found.faults,
                found.generator_cpu * 100,
            )
        )
    return [
        Table("Reconnect storm (gateway killed and started again, messages all the while)", _HEADERS, rows)
    ]


async def _storm(kind: str, readers: int, options: Options) -> CrowdFigures:
    async with portal(delay=3600, pin=options.pin) as servers:
        plan = CrowdPlan(kind, readers, True, servers.port, servers.nats_port, servers.pids())
        crowd = asyncio.create_task(put_crowd(plan))
        gateway = asyncio.create_task(servers.processes["gateway"].wait())
        try:
            await asyncio.wait((crowd, gateway), return_when=asyncio.FIRST_COMPLETED)
            if not crowd.done():
                await servers.start_again("gateway")
            return await crowd
        finally:
            gateway.cancel()
            crowd.cancel()
            await asyncio.wait((crowd, gateway))
