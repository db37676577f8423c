"""What `./opsroom up` takes while nobody uses it: memory and CPU of each process."""

import asyncio
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.options import Options
from bench.results.table import Cell, Table
from bench.servers.pinning import SERVER_CORE, starting_on
from bench.servers.portal import Servers, stop_all
from opsroom_testkit.ports import free_port, is_ready

SECONDS = 30.0
_SETTLE_SECONDS = 10.0
_START_SECONDS = 300.0
"""The first start may have to build the page."""
_SCRIPT = Path(__file__).parents[2] / "opsroom"


@dataclass(frozen=True, slots=True)
class _Use:
    """What a process takes: bytes of memory, seconds of CPU and switches so far."""

    resident: int
    proportional: int
    cpu: float
    switches: int


async def measure(options: Options) -> list[Table]:
    """Return a table for separate processes, and one for ``--small``.

    The second start counts, because the first one compiles all modules.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as folder:
        await _run(folder, 0.0, pin=options.pin)
        return [await _run(folder, SECONDS, *flags, pin=options.pin) for flags in ((), ("--small",))]


async def _run(folder: str, seconds: float, *flags: str, pin: bool) -> Table:
    servers = Servers(free_port())
    ports = (*flags, "--port", str(servers.port), "--nats-port", str(free_port()))
    try:
        with starting_on(SERVER_CORE, pin=pin):
            servers.processes["up"] = await asyncio.create_subprocess_exec(
                *(sys.executable, str(_SCRIPT), "up", *ports, "--data", folder),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        async with asyncio.timeout(_START_SECONDS):
            while not await is_ready(servers.port):
                servers.check()
                await asyncio.sleep(0.1)
        await asyncio.sleep(_SETTLE_SECONDS)
        root = psutil.Process(servers.processes["up"].pid)
        processes = [root, *root.children(recursive=True)]
        before = [_use(one) for one in processes]
        await asyncio.sleep(seconds)
        after = [_use(one) for one in processes]
        names = ["launcher", *map(_name, processes[1:])]
        title = " ".join(("./opsroom up", *flags))
        return _table(f"{title}, idle for {seconds:g} s", names, before, after, seconds)
    finally:
        await stop_all(servers)


def _use(process: psutil.Process) -> _Use:
    memory, times, switches = process.memory_full_info(), process.cpu_times(), process.num_ctx_switches()
    # Only Linux knows how pages are shared; elsewhere it is the resident memory again.
    shared = getattr(memory, "pss", memory.rss)
    return _Use(memory.rss, shared, times.user + times.system, switches.voluntary + switches.involuntary)


def _name(process: psutil.Process) -> str:
    """Return the module or the program that a process runs."""
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    return module.removeprefix("opsroom_").removeprefix("launcher.")


def _table(title: str, names: list[str], before: list[_Use], after: list[_Use], seconds: float) -> Table:
    figures = [
        (
            now.resident / 2**20,
            now.proportional / 2**20,
            (now.cpu - then.cpu) / max(seconds, 1.0) * 100,
            (now.switches - then.switches) / max(seconds, 1.0),
        )
        for then, now in zip(before, after, strict=True)
    ]
    total = tuple(map(sum, zip(*figures, strict=True)))
    rows: list[tuple[Cell, ...]] = [
        (name, *each) for name, each in zip((*names, "all"), (*figures, total), strict=True)
    ]
    headers = ("process", "resident MiB", "proportional MiB", "CPU % of a core", "switches/s")
    return Table(title, headers, rows)
