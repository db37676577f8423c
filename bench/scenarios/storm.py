"""The gateway is killed and started again: everybody reconnects and resumes at once."""

import asyncio

import psutil

from bench.clients.reader import SSE, WEBSOCKET
from bench.generators.reader_load import ReaderFigures, ReaderPlan, run_reader_load
from bench.options import Options
from bench.results.table import Cell, Table
from bench.servers.portal import Servers, portal

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
    "gateway µs/reader",
    "chat µs/reader",
    "broker µs/reader",
)
_PROCESSES = ("gateway", "chat", "nats")


async def measure(options: Options) -> list[Table]:
    """The largest crowd of ``options.crowds``, of sockets and of streams, once each."""
    readers = max(options.crowds)
    rows: list[tuple[Cell, ...]] = []
    for kind in (WEBSOCKET, SSE):
        found, cpu = await _storm(kind, readers, options)
        rows.append(
            (
                f"{readers:,} × {kind}",
                found.down,
                found.live,
                found.rejected,
                found.messages,
                *found.faults,
                found.generator_cpu * 100,
                *(cpu[name] / readers * 1e6 for name in _PROCESSES),
            )
        )
    words = f"gateway killed and started again, messages all the while, {options.share} sockets a person"
    return [Table(f"Reconnect storm ({words})", _HEADERS, rows)]


async def _storm(kind: str, readers: int, options: Options) -> tuple[ReaderFigures, dict[str, float]]:
    """Returns the figures, and what the return of everybody took of each process, in seconds of CPU."""
    async with portal(delay=3600, pin=options.pin) as servers:
        plan = ReaderPlan(kind, readers, True, servers.port, servers.nats_port, servers.pids(), options.share)
        crowd = asyncio.create_task(run_reader_load(plan))
        gateway = asyncio.create_task(servers.processes["gateway"].wait())
        try:
            await asyncio.wait((crowd, gateway), return_when=asyncio.FIRST_COMPLETED)
            before = {name: _cpu_seconds(servers, name) for name in _PROCESSES[1:]}
            if not crowd.done():
                await servers.restart("gateway")
            figures = await crowd
            return figures, {name: _cpu_seconds(servers, name) - before.get(name, 0) for name in _PROCESSES}
        finally:
            gateway.cancel()
            crowd.cancel()
            await asyncio.wait((crowd, gateway))


def _cpu_seconds(servers: Servers, name: str) -> float:
    times = psutil.Process(servers.pids()[name]).cpu_times()
    return times.user + times.system
