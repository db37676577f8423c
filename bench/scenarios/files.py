"""Upload and download of files of 10 MiB, beside nginx, which stores and serves the same file."""

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from bench.options import Options
from bench.results.table import Cell, Table
from bench.servers.portal import portal
from opsroom_testkit.ports import free_port, listens
from opsroom_testkit.waiting import until_answer

SIZE = 10 * 1024**2
_MEBIBYTES = SIZE / 1024**2
_TRANSFERS = 10
"""Of each kind in a round, one after another."""
_AT_ONCE = 8
"""Downloads at once, for the memory of the gateway."""


@dataclass(frozen=True, slots=True)
class _Server:
    """``put`` stores a file and returns its address; ``get`` reads it."""

    name: str
    put: Callable[[], Awaitable[str]]
    get: Callable[[str], Awaitable[None]]


def seconds(options: Options) -> float:
    """Return about how long it takes on two cores."""
    return 20 + options.rounds * 4 * _TRANSFERS * 0.15


async def measure(options: Options) -> list[Table]:
    """Return the rates of both, measured in turn, and the memory that a gateway takes for transfers."""
    content = os.urandom(SIZE)
    async with portal(delay=options.delay, pin=options.pin) as servers, _nginx() as port:
        async with httpx.AsyncClient(timeout=60) as client:
            compared = [await _opsroom(client, servers.port, content)]
            if port is not None:
                compared.append(_beside(client, port, content))
            process = psutil.Process(servers.processes["gateway"].pid)
            before = process.memory_info().rss
            rates = [await _round(server) for _ in range(options.rounds) for server in compared]
            grown = await _many(compared[0], process) - before
    rows: list[tuple[Cell, ...]] = []
    for place, server in enumerate(compared):
        own = rates[place :: len(compared)]
        upload, download = (statistics.median(values) for values in zip(*own, strict=True))
        rows.append((server.name, upload, download))
    return [
        Table("Files of 10 MiB, one after another", ("server", "upload MiB/s", "download MiB/s"), rows),
        Table(
            f"The gateway's memory after all of these, and during {_AT_ONCE} downloads at once",
            ("grown MiB",),
            [(grown / 1024**2,)],
        ),
    ]


async def _round(server: _Server) -> tuple[float, float]:
    """Return the rates of uploads and of downloads, in MiB/s."""
    begun = time.perf_counter()
    stored = [await server.put() for _ in range(_TRANSFERS)]
    uploaded = time.perf_counter()
    for one in stored:
        await server.get(one)
    done = time.perf_counter()
    return _TRANSFERS * _MEBIBYTES / (uploaded - begun), _TRANSFERS * _MEBIBYTES / (done - uploaded)


async def _many(server: _Server, process: psutil.Process) -> int:
    """Return the most memory that the gateway had while it sent files to several clients, in bytes."""
    stored = await server.put()
    transfers = asyncio.gather(*(server.get(stored) for _ in range(_AT_ONCE)))
    peak = 0
    while not transfers.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait((transfers,), timeout=0.01)
    await transfers
    return peak


async def _opsroom(client: httpx.AsyncClient, port: int, content: bytes) -> _Server:
    base = f"http://127.0.0.1:{port}/api/v1/chat"
    registered = await client.post(f"{base}/users", json={"name": f"bench-{uuid4().hex[:8]}"})
    headers = {"Authorization": f"Bearer {registered.json()['token']}"}

    async def put() -> str:
        query = {"room": "general", "name": "file.bin"}
        response = await client.post(f"{base}/files", params=query, headers=headers, content=content)
        response.raise_for_status()
        return f"{base}/files/{response.json()['id']}"

    async def get(url: str) -> None:
        await _read(client, url, headers)

    return _Server("opsroom", put, get)


def _beside(client: httpx.AsyncClient, port: int, content: bytes) -> _Server:
    async def put() -> str:
        url = f"http://127.0.0.1:{port}/{uuid4().hex}.bin"
        (await client.put(url, content=content)).raise_for_status()
        return url

    async def get(url: str) -> None:
        await _read(client, url, {})

    return _Server("nginx", put, get)


async def _read(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> None:
    async with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        size = 0
        async for piece in response.aiter_raw():
            size += len(piece)
    if size != SIZE:
        raise ConnectionError(f"{url} sent {size} bytes")


@asynccontextmanager
async def _nginx() -> AsyncIterator[int | None]:
    """Run nginx with a folder that it stores to and serves; None: it is not on ``PATH``."""
    command = shutil.which("nginx")
    if command is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="opsroom-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        configuration = _configure(folder, port)
        process = await asyncio.create_subprocess_exec(command, "-p", name, "-c", str(configuration))
        try:
            await until_answer(lambda: listens(port), bool, 20)
            yield port
        finally:
            process.terminate()
            await process.wait()


def _configure(folder: Path, port: int) -> Path:
    """Write nginx's configuration, and return its path."""
    (folder / "files").mkdir()
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in temporary)
    http = f"access_log off; client_max_body_size 20m; sendfile on; {paths}"
    server = f"listen 127.0.0.1:{port}; root {folder}/files; dav_methods PUT;"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"user root; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ {http}\nserver {{ {server} }} }}\n"
    )
    return configuration
