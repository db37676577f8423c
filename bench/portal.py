"""The portal's real processes, for the length of a measurement."""

import asyncio
import os
import socket
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.pinning import SERVER_CORE, starting_on

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
_LAST_LINES = 10


class DiedError(Exception):
    """A server ended by itself; the message says which, and its last words."""


@dataclass(slots=True)
class Servers:
    """Processes that are measured, by name, and where the last of them is reached."""

    port: int
    nats_url: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def pids(self) -> dict[str, int]:
        """The id of each process."""
        return {name: process.pid for name, process in self.processes.items()}

    def resident_bytes(self) -> dict[str, int]:
        """The resident memory of each process."""
        return {name: psutil.Process(pid).memory_info().rss for name, pid in self.pids().items()}

    def dead(self) -> str | None:
        """Which process has ended by itself, and how; None while all run."""
        for name, process in self.processes.items():
            if process.returncode is not None:
                return f"{name} ended with {process.returncode}"
        return None

    def check(self) -> None:
        """See that all still run.

        Raises:
            DiedError: one does not.
        """
        dead = self.dead()
        if dead is not None:
            raise DiedError(dead)


@asynccontextmanager
async def portal(*, delay: float, pin: bool) -> AsyncIterator[Servers]:
    """nats-server (syncing before it acknowledges), chat, cloud and gateway, ready; data in a passing folder.

    ``delay``: seconds a command takes. ``pin``: all of them on one core.

    Raises:
        DiedError: a process ended before the end of the measurement.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as path:
        folder = Path(path)
        nats_port, port = free_port(), free_port()
        servers = Servers(port, f"nats://127.0.0.1:{nats_port}")
        try:
            with starting_on(SERVER_CORE, pin=pin):
                await _start(servers, folder, nats_port, delay)
            await ready(servers, f"http://127.0.0.1:{port}/readyz")
            yield servers
            servers.check()
        except Exception as error:
            dead = servers.dead()
            if dead is None:
                raise
            words = "".join(_last_words(folder / f"{name}.log") for name in servers.processes)
            raise DiedError(f"{dead}{words}") from error
        finally:
            await end(servers)


async def _start(servers: Servers, folder: Path, nats_port: int, delay: float) -> None:
    environ = os.environ | {
        "NATS_URL": servers.nats_url,
        "GATEWAY_PORT": str(servers.port),
        "CLOUD_DELAY_SECONDS": f"{delay:g}",
        "LOG_LEVEL": "WARNING",
    }
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{nats_port}"\n'
        f'jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 20GB }}\n'
    )
    binary = str(Path(sysconfig.get_path("scripts")) / "nats-server")
    services = {name: (sys.executable, "-m", f"opsroom_{name}") for name in ("chat", "cloud", "gateway")}
    for name, argv in {"nats": (binary, "-c", str(config)), **services}.items():
        with (folder / f"{name}.log").open("wb") as log:
            servers.processes[name] = await asyncio.create_subprocess_exec(
                *argv, env=environ, stdout=log, stderr=log
            )


def _last_words(log: Path) -> str:
    """What a process said at last, but for the broker's chat."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "[INF]" not in line]
    return "".join(f"\n  {log.stem}: {line}" for line in lines[-_LAST_LINES:])


async def end(servers: Servers) -> None:
    """Stop in the order that drains: the gateway first, the broker last. Cancelled, it kills the rest."""
    try:
        for process in reversed(servers.processes.values()):
            await end_process(process)
    finally:
        for process in servers.processes.values():
            if process.returncode is None:
                process.kill()


async def end_process(process: asyncio.subprocess.Process) -> None:
    """Ask one process to stop; kill it if it doesn't within 20 s, or if nobody wants to wait any more."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except (TimeoutError, asyncio.CancelledError) as error:
        process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


async def ready(servers: Servers, url: str) -> None:
    """Wait until ``url`` answers 200.

    Raises:
        DiedError: a process ended instead.
        TimeoutError: it did not within a minute.
    """
    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(_answers, url):
            servers.check()
            await asyncio.sleep(0.02)


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
def cpu_of(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Fills the yielded dict, at the end, with the CPU seconds that each process used meanwhile."""
    before = _cpu_seconds(pids)
    used: dict[str, float] = {}
    yield used
    after = _cpu_seconds(pids)
    used.update({name: after[name] - before[name] for name in before})


def _cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time that each process has used so far."""
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return {name: used.user + used.system for name, used in times.items()}
