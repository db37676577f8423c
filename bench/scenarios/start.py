"""From the command to a portal that answers, and the memory its processes take."""

import asyncio
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.clients.chat_socket import is_welcome, join_chat
from bench.options import Options
from bench.results.statistics import Spread, spread
from bench.results.table import Cell, Table
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, portal, stop_all, wait_ready
from opsroom_testkit.ports import free_port

RUNS = 5
SOCKETS = 1_000
SETTLE_SECONDS = 2.0
WELCOME_SECONDS = 60.0
SCRIPT = Path(__file__).parents[2] / "opsroom"


async def measure(options: Options) -> list[Table]:
    """Two tables: the start by ``./opsroom up`` on existing data, and resident memory by process."""
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        await _start(folder, pin=options.pin)  # makes the data, and the environment where it isn't current
        second = spread([await _start(folder, pin=options.pin) for _ in range(RUNS)])
    start = Table(
        "./opsroom up until /readyz answers (existing data and environment)",
        ("", "min s", "median s", "max s", "of"),
        [("start to ready", second.least, second.median, second.most, RUNS)],
    )
    return [start, await _memory(options)]


async def _start(folder: str, *, pin: bool) -> float:
    """Seconds from the command until it is ready."""
    servers = Servers(free_port())
    ports = ("--port", str(servers.port), "--nats-port", str(free_port()))
    try:
        with starting_on(SERVER_CORE, pin=pin):
            begun = time.perf_counter()
            servers.processes["up"] = await asyncio.create_subprocess_exec(
                *(sys.executable, str(SCRIPT), "up", *ports, "--data", folder),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        await wait_ready(servers, servers.port)
        return time.perf_counter() - begun
    finally:
        await stop_all(servers)


async def _memory(options: Options) -> Table:
    idle: list[dict[str, int]] = []
    full: dict[str, dict[str, int]] = {}
    for protocol in ("course", "v1"):
        async with portal(delay=options.delay, pin=options.pin) as servers:
            await asyncio.sleep(SETTLE_SECONDS)
            idle.append(servers.resident_bytes())
            full[protocol] = await _resident_with_sockets(servers, protocol)
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            _mebibytes([each[name] for each in idle]),
            *(full[protocol][name] / 2**20 for protocol in full),
        )
        for name in idle[0]
    ]
    sockets = f"{SOCKETS:,}"
    headers = ("process", "idle MiB", f"with {sockets} at /chat MiB", f"with {sockets} at /api/v1 MiB")
    return Table("Resident memory", headers, rows)


async def _resident_with_sockets(servers: Servers, protocol: str) -> dict[str, int]:
    welcomed: set[int] = set()
    readers = [
        await join_chat(servers.port, protocol, number, partial(_note, number, welcomed))
        for number in range(SOCKETS)
    ]
    async with asyncio.timeout(WELCOME_SECONDS):
        while len(welcomed) < SOCKETS:
            await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLE_SECONDS)
    resident = servers.resident_bytes()
    if any(reader.lost for reader in readers):
        raise ConnectionError("the server closed a socket meanwhile")
    for reader in readers:
        reader.close()
    return resident


def _note(number: int, welcomed: set[int], payload: bytes) -> None:
    if is_welcome(payload):
        welcomed.add(number)


def _mebibytes(values: list[int]) -> Spread:
    return spread([value / 2**20 for value in values])
