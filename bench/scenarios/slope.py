"""Minutes of load: what grows, by process."""

import asyncio
import time
from dataclasses import dataclass, field

import psutil

from bench.generators.chat_load import Plan, run_chat_load
from bench.options import Options
from bench.results.statistics import slope
from bench.results.table import Cell, Table
from bench.servers.portal import Servers, portal

READERS, SENDERS, SIZE = 100, 4, 200
SAMPLE_SECONDS = 2.0
WARM_UP_SHARE = 0.2
"""The first part, in which caches and rings fill, is left out of the slope."""


@dataclass(slots=True)
class Samples:
    """Of one process: minutes since the start, with KiB of resident memory and with open files."""

    resident: list[tuple[float, float]] = field(default_factory=list)
    files: list[tuple[float, float]] = field(default_factory=list)


async def measure(options: Options) -> list[Table]:
    """Chat messages to 100 readers for ``options.minutes``, memory and open files looked at meanwhile."""
    seconds = options.minutes * 60
    async with portal(delay=options.delay, pin=options.pin) as servers:
        plan = Plan(servers.ports, servers.pids(), "v1", READERS, SENDERS, seconds, SIZE)
        samples = {name: Samples() for name in servers.processes}
        watch_events = asyncio.create_task(_watch(servers, samples))
        try:
            found = await run_chat_load(plan)
        finally:
            watch_events.cancel()
            await asyncio.wait([watch_events])
    rows: list[tuple[Cell, ...]] = [(name, *_row(one)) for name, one in samples.items()]
    title = (
        f"Memory slope: {options.minutes:g} minutes, {READERS} readers, {SENDERS} senders, "
        f"{found.messages / found.elapsed:,.0f} messages/s, generator CPU {found.generator_cpu * 100:.0f} %"
    )
    headers = ("process", "KiB/min", "MiB at first", "MiB at last", "most MiB", "files at first", "at last")
    return [Table(title, headers, rows)]


async def _watch(servers: Servers, samples: dict[str, Samples]) -> None:
    begun = time.perf_counter()
    processes = {name: psutil.Process(pid) for name, pid in servers.pids().items()}
    while True:
        minutes = (time.perf_counter() - begun) / 60
        for name, process in processes.items():
            samples[name].resident.append((minutes, process.memory_info().rss / 1024))
            samples[name].files.append((minutes, process.num_fds()))
        await asyncio.sleep(SAMPLE_SECONDS)


def _row(samples: Samples) -> tuple[Cell, ...]:
    warm = samples.resident[int(len(samples.resident) * WARM_UP_SHARE) :]
    return (
        slope(warm),
        warm[0][1] / 1024,
        warm[-1][1] / 1024,
        max(kib for _, kib in samples.resident) / 1024,
        int(samples.files[min(len(samples.files) - 1, len(samples.files) // 5)][1]),
        int(samples.files[-1][1]),
    )
