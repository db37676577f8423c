"""A process that is restarted as the launcher would do."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from opsroom_runtime.process import EXIT_TEMPFAIL

_STOP_SECONDS = 20.0
START_SECONDS = 60.0
RESTART_SECONDS = 0.5
"""The default delay before a restart."""


class ManagedProcess:
    """A process that is restarted whenever it ends, until `shut_down`."""

    def __init__(self, name: str, argv: list[str], environ: dict[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.down = RESTART_SECONDS
        self.unexpected_exits: list[str] = []
        """Exits that no fault had caused."""
        self.ready: Callable[[], Awaitable[bool]] | None = None
        self.fault_lock = asyncio.Lock()
        """Held by the fault that currently affects this process."""
        self._argv = argv
        self._environ = environ
        self._process: Process | None = None
        self._asked = False
        self._resting = False
        self._back = asyncio.Event()
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def start(self) -> None:
        """Start the process, and restart it whenever it ends."""
        await self._launch()
        self._task = asyncio.create_task(self._keep_running(), name=self.name)

    def signal(self, number: signal.Signals, down: float = RESTART_SECONDS) -> None:
        """Send a signal. If that ends the process, it is restarted after ``down`` seconds."""
        if self._process is None or self._process.returncode is not None:
            return
        if number not in {signal.SIGSTOP, signal.SIGCONT}:
            self._asked, self.down = True, down
            self._back.clear()
        self._process.send_signal(number)

    async def halt(self) -> None:
        """Stop the process as an operator would; it stays down until `resume`."""
        self._may_run.clear()
        if self._process is not None and self._process.returncode is None:
            self.signal(signal.SIGTERM, down=0.0)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self.unexpected_exits.append(f"{self.name} did not stop within {_STOP_SECONDS:g} s")
                self._process.kill()

    def resume(self) -> None:
        """Start it again after `halt`."""
        self._may_run.set()

    async def wait_restarted(self) -> None:
        """Wait until the process has been restarted after a signal, and is ready."""
        async with asyncio.timeout(START_SECONDS):
            await self._back.wait()
            await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(START_SECONDS):
            while self.ready is not None and not await self.ready():
                await asyncio.sleep(0.05)

    async def shut_down(self) -> None:
        """Stop the process and do not restart it."""
        self._resting = self._asked = True
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self.unexpected_exits.append(f"{self.name} did not stop within {_STOP_SECONDS:g} s")
                self._process.kill()
                await self._process.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _launch(self) -> None:
        with self.log.open("ab") as output:
            # Its own session, so that Ctrl-C does not reach it.
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                env=self._environ,
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._back.set()

    async def _keep_running(self) -> None:
        while True:
            assert self._process is not None
            code = await self._process.wait()
            if self._resting:
                return
            allowed = {
                EXIT_TEMPFAIL
            }  # the broker was unavailable at its start; the launcher restarts it, too
            if self._asked:
                allowed |= {0, -signal.SIGKILL, -signal.SIGTERM, 1}
            if code not in allowed:
                self.unexpected_exits.append(f"{self.name} ended with {code}")
            asked, self._asked = self._asked, False
            await asyncio.sleep(self.down if asked else RESTART_SECONDS)
            await self._may_run.wait()
            await self._launch()
