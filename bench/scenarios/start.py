"""From the command to a portal that answers, and the memory its processes take."""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.portal import free_port, portal, ready
from bench.table import Table, figure
from bench.wire import connect

RUNS = 5
SOCKETS = 1_000
STOP_SECONDS = 30.0
SCRIPT = Path(__file__).parents[2] / "opsroom"


async def measure(*, delay: float, pin: bool) -> list[Table]:
    """Two tables: the start by ``./opsroom up``, and resident memory."""
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-") as folder:
        await _start(folder)  # the first start makes the data folder
        seconds = sorted([await _start(folder) for _ in range(RUNS)])
    start = Table(
        f"./opsroom up until /readyz answers, {RUNS} second starts",
        ("", "min s", "median s", "max s"),
        [("start to ready", figure(seconds[0]), figure(seconds[RUNS // 2]), figure(seconds[-1]))],
    )
    async with portal(delay=delay, pin=pin) as servers:
        idle = servers.resident_bytes()
        readers = [await connect(servers.port, "/chat/", lambda _payload: None) for _ in range(SOCKETS)]
        busy = servers.resident_bytes()
        for reader in readers:
            reader.close()
    rows: list[tuple[str, ...]] = [
        (name, figure(idle[name] / 2**20), figure(busy[name] / 2**20)) for name in idle
    ]
    memory = Table("Resident memory", ("process", "idle MiB", f"with {SOCKETS:,} sockets MiB"), rows)
    return [start, memory]


async def _start(folder: str) -> float:
    port = free_port()
    begun = time.perf_counter()
    command = (str(SCRIPT), "up", "--port", str(port), "--nats-port", str(free_port()), "--data", folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await ready(f"http://127.0.0.1:{port}/readyz")
        return time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
