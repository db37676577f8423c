"""Real nats-servers for tests: on free ports, each with its own data, killed and restarted at will."""

import asyncio
import contextlib
import json
import resource
import signal
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from pathlib import Path

from opsroom_testkit.ports import free_port

START_SECONDS = 30.0
CAN_FILL_DISK = hasattr(resource, "prlimit")
"""Whether this system can simulate a full disk for one process."""


def limit_files(pid: int, size: int) -> None:
    """Let writes of process ``pid`` beyond the first ``size`` bytes of any file fail. Linux only."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class BrokerProcess:
    """A nats-server. ``url`` stays the same after the first start.

    Attributes:
        room: the limit of its storage in bytes, from its next start on; None: the server's default.
    """

    def __init__(self, folder: Path, room: int | None = None) -> None:
        self.room = room
        self._folder = folder
        self._process: Process | None = None
        self._port = -1

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"nats://127.0.0.1:{self._port}"

    def stream_folder(self, stream: str) -> Path:
        """Return the folder with the data of ``stream``, to copy or replace while the broker is stopped."""
        return self._folder / "jetstream" / "jetstream" / "$G" / "streams" / stream

    def _storage(self) -> str:
        """Format the JetStream part of the configuration."""
        room = "" if self.room is None else f", max_file_store: {self.room}"
        return f'jetstream {{ store_dir: "{self._folder / "jetstream"}", sync_interval: always{room} }}'

    async def start(self) -> None:
        """Start, on the same port as before if there was one, and wait until it accepts connections."""
        config = self._folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self._port}"\nports_file_dir: "{self._folder}"\n{self._storage()}\n'
        )
        server = Path(sysconfig.get_path("scripts")) / "nats-server"
        self._process = await asyncio.create_subprocess_exec(
            server, "-c", config, "-l", self._folder / "nats.log", stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():
                await asyncio.sleep(0.01)

    def fill_disk(self) -> None:
        """Let every write to its files fail from now on, as on a full disk. Linux only."""
        self._limit_files(1)

    def free_disk(self) -> None:
        """Let writes to its files succeed again."""
        self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        if self._process is None:
            raise RuntimeError("the broker does not run")
        limit_files(self._process.pid, size)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP."""
        if self._process is None:
            raise RuntimeError("the broker does not run")
        self._process.send_signal(number)

    async def kill(self) -> None:
        """Kill it with SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it with SIGTERM."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        async with asyncio.timeout(START_SECONDS):
            await process.wait()
        for ports in self._folder.glob("*.ports"):
            ports.unlink()

    async def _answers(self) -> bool:
        if self._process is not None and self._process.returncode is not None:
            raise RuntimeError((self._folder / "nats.log").read_text())
        for ports in self._folder.glob("*.ports"):
            with contextlib.suppress(ValueError, IndexError):
                self._port = int(json.loads(ports.read_text())["nats"][0].rsplit(":", 1)[1])
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                return True
        return False


class _Node(BrokerProcess):
    """A node of a cluster; ``routes``: the port of each node for the others."""

    def __init__(self, folder: Path, number: int, routes: list[int]) -> None:
        super().__init__(folder)
        self._number = number
        self._routes = routes

    def _storage(self) -> str:
        urls = [f"nats-route://127.0.0.1:{route}" for route in self._routes]
        listen = f"127.0.0.1:{self._routes[self._number]}"
        return (
            f"{super()._storage()}\nserver_name: n{self._number}\n"
            f'cluster {{ name: tests, listen: "{listen}", routes: {urls} }}'
        )


@contextlib.asynccontextmanager
async def broker_cluster(folder: Path) -> AsyncIterator[str]:
    """Start three nodes of a cluster. Yields the URLs for clients; electing a leader may take seconds."""
    routes = [free_port() for _ in range(3)]
    nodes = []
    for number in range(3):
        (folder / f"n{number}").mkdir()
        nodes.append(_Node(folder / f"n{number}", number, routes))
    try:
        await asyncio.gather(*(node.start() for node in nodes))
        yield ",".join(node.url for node in nodes)
    finally:
        await asyncio.gather(*(node.stop() for node in nodes))
