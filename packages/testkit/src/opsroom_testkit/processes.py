"""The portal's real processes for tests: started, stopped, killed and suspended at will."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until_answer

STOP_SECONDS = 30.0


class ServiceProcess:
    """A process of the portal. ``log``: the file of its log."""

    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self.log = log

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end. Returns the exit code (negative: the signal that ended it)."""
        async with asyncio.timeout(STOP_SECONDS):
            return await self._process.wait()

    async def kill(self) -> None:
        """Kill it with SIGKILL, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self.ended()


@asynccontextmanager
async def service(name: str, folder: Path, **environ: str) -> AsyncIterator[ServiceProcess]:
    """Run ``python -m opsroom_<name>`` with ``environ`` added to our variables. Killed at the end."""
    log = folder / f"{name}-{os.urandom(4).hex()}.log"
    with log.open("wb") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"opsroom_{name}", env=os.environ | environ, stdout=output, stderr=output
        )
    process = ServiceProcess(started, log)
    try:
        yield process
    finally:
        await process.kill()


@asynccontextmanager
async def gateway(folder: Path, **environ: str) -> AsyncIterator[tuple[ServiceProcess, int]]:
    """Run a gateway. Yields the process and its port when it is ready."""
    port = free_port()
    async with service("gateway", folder, GATEWAY_PORT=str(port), **environ) as process:
        await ready(port)
        yield process, port


async def ready(port: int, status: int = 200) -> None:
    """Wait until ``GET /readyz`` at ``port`` returns ``status``."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5, verify=False) as client:

        async def ask() -> int:
            try:
                return (await client.get("/readyz")).status_code
            except httpx.TransportError:
                return 0

        await until_answer(ask, lambda answered: answered == status, timeout=30)
