"""The portal's real processes, for the length of a measurement."""

import asyncio
import os
import socket
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
SERVER_CORE, LOAD_CORE = 0, 1


@dataclass(slots=True)
class Servers:
    """Processes that are measured, by name, and where the first of them is reached."""

    port: int
    nats_url: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time that each process has used so far."""
        used: dict[str, float] = {}
        for name, process in self.processes.items():
            times = psutil.Process(process.pid).cpu_times()
            used[name] = times.user + times.system
        return used

    def resident_bytes(self) -> dict[str, int]:
        """The resident memory of each process."""
        return {
            name: psutil.Process(process.pid).memory_info().rss for name, process in self.processes.items()
        }


@asynccontextmanager
async def portal(*, delay: float, pin: bool) -> AsyncIterator[Servers]:
    """nats-server (syncing before it acknowledges), chat, cloud and gateway, ready; data in a passing folder.

    ``delay``: seconds a command takes. ``pin``: all of them on one core.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-") as folder:
        nats_port, port = free_port(), free_port()
        servers = Servers(port, f"nats://127.0.0.1:{nats_port}")
        environ = os.environ | {
            "NATS_URL": servers.nats_url,
            "GATEWAY_PORT": str(port),
            "CLOUD_DELAY_SECONDS": str(delay),
            "LOG_LEVEL": "WARNING",
        }
        config = Path(folder) / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{nats_port}"\n'
            f'jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 20GB }}\n'
        )
        binary = str(Path(sysconfig.get_path("scripts")) / "nats-server")
        with _log(folder) as log:
            try:
                servers.processes["nats"] = await asyncio.create_subprocess_exec(
                    binary, "-c", str(config), stdout=log, stderr=log
                )
                for name in ("chat", "cloud", "gateway"):
                    servers.processes[name] = await asyncio.create_subprocess_exec(
                        sys.executable, "-m", f"opsroom_{name}", env=environ, stdout=log, stderr=log
                    )
                pin_to(servers, pin=pin)
                await ready(f"http://127.0.0.1:{port}/readyz")
                yield servers
            finally:
                await end(servers)


def _log(folder: str) -> BinaryIO:
    return (Path(folder) / "log").open("wb")


def pin_to(servers: Servers, *, pin: bool) -> None:
    """Put all processes on the servers' core."""
    if pin:
        for process in servers.processes.values():
            psutil.Process(process.pid).cpu_affinity([SERVER_CORE])


async def end(servers: Servers) -> None:
    """Stop in the order that drains: the gateway first, the broker last."""
    for process in reversed(servers.processes.values()):
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def ready(url: str) -> None:
    """Wait until ``url`` answers 200.

    Raises:
        TimeoutError: it did not within a minute.
    """
    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(_answers, url):
            await asyncio.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def cpu_of(servers: Servers) -> Iterator[dict[str, float]]:
    """Fills the yielded dict, at the end, with the CPU seconds that each process used meanwhile."""
    before = servers.cpu_seconds()
    used: dict[str, float] = {}
    yield used
    after = servers.cpu_seconds()
    used.update({name: after[name] - before[name] for name in before})
