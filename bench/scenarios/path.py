"""Send to delivered, through the whole path with the message stored, beside a relay that stores nothing."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from bench.load import Figures, Plan
from bench.portal import LOAD_CORE, Servers, cpu_of, end, free_port, pin_to, portal
from bench.table import Table, figure, percentile

READERS = 100
SECONDS = 8.0
SIZE = 200
RUN_SECONDS = 120.0

_RELAY = "relay, in memory"
_SERVERS = ((_RELAY, "course"), ("opsroom /chat", "course"), ("opsroom /api/v1", "v1"))
_HEADERS = (
    "server, senders",
    "messages/s",
    "deliveries/s",
    "each p50 ms",
    "each p99 ms",
    "last p50 ms",
    "last p99 ms",
    "server CPU µs/delivery",
    "generator CPU %",
)


async def measure(*, delay: float, pin: bool) -> list[Table]:
    """One table: both dialects and the relay, one message at a time and 16 in flight."""
    rows: list[tuple[str, ...]] = []
    medians: dict[tuple[str, int], float] = {}
    for name, dialect in (
        (_RELAY, "course"),
        ("opsroom /chat", "course"),
        ("opsroom /api/v1", "v1"),
    ):
        for senders in (1, 16):
            async with (
                relay(pin=pin) if name.startswith("relay") else portal(delay=delay, pin=pin) as servers
            ):
                plan = Plan(servers.port, dialect, READERS, senders, SECONDS, SIZE)
                with cpu_of(servers) as cpu:
                    figures = await run(plan, pin=pin)
            medians[name, senders] = percentile(figures.each_ms, 0.5)
            rows.append(_row(f"{name}, {senders}", figures, sum(cpu.values())))
    ratios: list[tuple[str, ...]] = [
        (f"{name}, {senders}", figure(medians[name, senders] / medians[_RELAY, senders]))
        for name in ("opsroom /chat", "opsroom /api/v1")
        for senders in (1, 16)
    ]
    title = f"Send to delivered: {READERS} readers, {SIZE} bytes of text, {SECONDS:g} s each"
    return [
        Table(title, _HEADERS, rows),
        Table("Median latency against the in-memory relay", ("server, senders", "ratio"), ratios),
    ]


def _row(name: str, figures: Figures, cpu_seconds: float) -> tuple[str, ...]:
    latencies = [
        figure(percentile(values, share))
        for values in (figures.each_ms, figures.slowest_ms)
        for share in (0.5, 0.99)
    ]
    return (
        name,
        figure(figures.messages / figures.elapsed),
        figure(figures.deliveries / figures.elapsed),
        *latencies,
        figure(cpu_seconds / max(figures.deliveries, 1) * 1e6),
        figure(figures.generator_cpu * 100),
    )


async def run(plan: Plan, *, pin: bool) -> Figures:
    """Run the load generator with ``plan``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", json.dumps(asdict(plan)), stdout=asyncio.subprocess.PIPE
    )
    if pin:
        os.sched_setaffinity(process.pid, {LOAD_CORE})
    async with asyncio.timeout(RUN_SECONDS):
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the load generator failed")
    return Figures(**json.loads(output))


@asynccontextmanager
async def relay(*, pin: bool) -> AsyncIterator[Servers]:
    """The relay, listening."""
    servers = Servers(free_port())
    servers.processes["relay"] = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.relay", str(servers.port)
    )
    pin_to(servers, pin=pin)
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", servers.port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        yield servers
    finally:
        await end(servers)
