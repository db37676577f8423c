"""Processes that start at once: forks of one that has imported their services already.

For tests that kill processes again and again. Importing a service takes far longer than starting it.
"""

import asyncio
import gc
import importlib
import json
import os
import random
import runpy
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from opsroom_testkit.processes import STOP_SECONDS
from opsroom_testkit.waiting import until

_IMPORT_SECONDS = 120.0
_FORK_SECONDS = 30.0


class ForkedProcess:
    """A process of the portal. ``log``: the file of its log."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid = pid
        self.log = log

    async def kill(self) -> None:
        """Kill it with SIGKILL, if it still runs, and wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        await until(lambda: not _runs(self._pid), STOP_SECONDS)


class Forks:
    """Starts processes of the services that have been imported."""

    def __init__(self, process: Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def service(self, name: str, **environ: str) -> AsyncIterator[ForkedProcess]:
        """Run a service with ``environ`` added to our variables. Killed at the end."""
        log = self._folder / f"{name}-{os.urandom(4).hex()}.log"
        order = json.dumps({"name": name, "log": str(log), "environ": environ})
        process = ForkedProcess(int(await self._ask(order)), log)
        try:
            yield process
        finally:
            await process.kill()

    async def _ask(self, order: str) -> str:
        """Send a line, and return the one that answers it."""
        assert self._process.stdin is not None
        async with self._lock, asyncio.timeout(_FORK_SECONDS):
            self._process.stdin.write(f"{order}\n".encode())
            return await _line(self._process)


@asynccontextmanager
async def forks(folder: Path, *names: str) -> AsyncIterator[Forks]:
    """Import services, and fork them on request. What still runs at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "opsroom_testkit.forks", *names, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    try:
        async with asyncio.timeout(_IMPORT_SECONDS):
            await _line(process)
        yield Forks(process, folder)
    finally:
        process.stdin.close()
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    if not line:
        raise AssertionError("the process that forks others has ended")
    return line


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _main(names: Sequence[str]) -> None:
    """Fork a process for each line of standard input, and write its process id."""
    for name in names:
        importlib.import_module(f"opsroom_{name}.__main__")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended processes leave no zombies
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    forked: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order["name"], Path(order["log"]), order["environ"])
        forked.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in forked:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _become(name: str, log: Path, environ: Mapping[str, str]) -> None:
    """Be a process of a service until it ends, as ``python -m opsroom_<name>`` is."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environ)
    random.seed()  # otherwise, all of them would draw the same numbers
    sys.argv = [f"opsroom_{name}"]
    runpy.run_module(f"opsroom_{name}", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    _main(sys.argv[1:])
