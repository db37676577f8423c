"""The portal's real processes, for the duration of a measurement."""

import asyncio
import os
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.servers.pinning import SERVER_CORE, starting_on
from opsroom_testkit.ports import free_port, is_ready

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
_LAST_LINES = 10


class ServerExitedError(Exception):
    """A server exited; the message has its name and its last lines of output."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started. ``pin``: on the servers' core."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    pin: bool


@dataclass(slots=True)
class Servers:
    """The measured processes by name. Readers connect to ``port`` and ``more_ports``."""

    port: int
    nats_url: str = ""
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    more_ports: tuple[int, ...] = ()
    launches: dict[str, Launch] = field(default_factory=dict)

    @property
    def ports(self) -> tuple[int, ...]:
        """The port of each process that serves readers."""
        return (self.port, *self.more_ports)

    @property
    def nats_port(self) -> int:
        """The broker's port."""
        return int(self.nats_url.rpartition(":")[2])

    async def start(self, name: str) -> None:
        """Start ``name``."""
        launch = self.launches[name]
        with starting_on(SERVER_CORE, pin=launch.pin), launch.log.open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *launch.argv, env=launch.environ, stdout=log, stderr=log
            )

    async def restart(self, name: str) -> None:
        """Wait until ``name`` has ended, and restart it."""
        async with asyncio.timeout(STOP_SECONDS):
            await self.processes[name].wait()
        await self.start(name)

    def pids(self) -> dict[str, int]:
        """The id of each process."""
        return {name: process.pid for name, process in self.processes.items()}

    def resident_bytes(self) -> dict[str, int]:
        """The resident memory of each process."""
        return {name: psutil.Process(pid).memory_info().rss for name, pid in self.pids().items()}

    def exited(self) -> str | None:
        """Return which process has exited, and how; None if all are running."""
        for name, process in self.processes.items():
            if process.returncode is not None:
                return f"{name} ended with {process.returncode}"
        return None

    def check(self) -> None:
        """Check that all are running.

        Raises:
            ServerExitedError: one is not.
        """
        exited = self.exited()
        if exited is not None:
            raise ServerExitedError(exited)


@asynccontextmanager
async def portal(
    *,
    delay: float,
    pin: bool,
    gateways: int = 1,
    gateway_environ: Mapping[str, str] | None = None,
    chat_environ: Mapping[str, str] | None = None,
    incidents: bool = False,
) -> AsyncIterator[Servers]:
    """Run nats-server (sync always), chat, cloud and gateways until they are ready, with temporary data.

    ``delay``: seconds a command takes. ``pin``: all of them on one core. ``gateway_environ``,
    ``chat_environ``: settings of the gateways and of chat. ``incidents``: run what does commands of the chat.

    Raises:
        ServerExitedError: a process ended before the end of the measurement.
    """
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as path:
        folder = Path(path)
        port, *more_ports = (free_port() for _ in range(gateways))
        servers = Servers(port, f"nats://127.0.0.1:{free_port()}", more_ports=tuple(more_ports))
        try:
            environs = {"gateway": gateway_environ, "chat": chat_environ}
            if incidents:
                environs["incidents"] = None
            _plan(servers, folder, delay, environs, pin=pin)
            for name in servers.launches:
                await servers.start(name)
            for each in servers.ports:
                await wait_ready(servers, each)
            yield servers
            servers.check()
        except Exception as error:
            exited = servers.exited()
            if exited is None:
                raise
            words = "".join(_last_lines(launch.log) for launch in servers.launches.values())
            raise ServerExitedError(f"{exited}{words}") from error
        finally:
            await stop_all(servers)


def _plan(
    servers: Servers,
    folder: Path,
    delay: float,
    environs: Mapping[str, Mapping[str, str] | None],
    *,
    pin: bool,
) -> None:
    """Set the launch parameters of each process, in the order of their start."""
    environ = os.environ | {
        "NATS_URL": servers.nats_url,
        "CLOUD_DELAY_SECONDS": f"{delay:g}",
        "LOG_LEVEL": "WARNING",
    }
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{servers.nats_port}"\n'
        f'jetstream {{ store_dir: "{folder}", sync_interval: always, max_file_store: 20GB }}\n'
    )
    binary = str(Path(sysconfig.get_path("scripts")) / "nats-server")

    def plan(name: str, *argv: str, **more: str) -> None:
        servers.launches[name] = Launch(argv, environ | more, folder / f"{name}.log", pin)

    plan("nats", binary, "-c", str(config))
    for name in ("chat", "cloud", *(("incidents",) if "incidents" in environs else ())):
        plan(name, sys.executable, "-m", f"opsroom_{name}", **environs.get(name) or {})
    own = environs.get("gateway") or {}
    for number, port in enumerate(servers.ports, start=1):
        name = "gateway" if number == 1 else f"gateway {number}"
        plan(name, sys.executable, "-m", "opsroom_gateway", **own, GATEWAY_PORT=str(port))


def _last_lines(log: Path) -> str:
    """Return the last lines of a process's output, without the broker's info lines."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "[INF]" not in line]
    return "".join(f"\n  {log.stem}: {line}" for line in lines[-_LAST_LINES:])


async def stop_all(servers: Servers) -> None:
    """Stop all in reverse order, so that gateways drain first. If cancelled, kill the rest."""
    try:
        for process in reversed(servers.processes.values()):
            await stop_process(process)
    finally:
        for process in servers.processes.values():
            if process.returncode is None:
                process.kill()


async def stop_process(process: asyncio.subprocess.Process) -> None:
    """Stop a process. Kill it if it doesn't stop within 20 s, or if this is cancelled."""
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


async def wait_ready(servers: Servers, port: int) -> None:
    """Wait until ``GET /readyz`` at ``port`` returns 200.

    Raises:
        ServerExitedError: a process ended instead.
        TimeoutError: it did not return 200 within a minute.
    """
    async with asyncio.timeout(READY_SECONDS):
        while not await is_ready(port):
            servers.check()
            await asyncio.sleep(0.02)


@contextmanager
def cpu_of(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Measure CPU time: at the end, the yielded dict has the seconds that each process used meanwhile."""
    before = _cpu_seconds(pids)
    used: dict[str, float] = {}
    yield used
    after = _cpu_seconds(pids)
    used.update({name: after[name] - before[name] for name in before})


def _cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the user and system time of each process."""
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return {name: used.user + used.system for name, used in times.items()}
