"""The command line in tests: in this process, in a pipe, and on a terminal."""

import asyncio
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from click.testing import CliRunner, Result

from opsroom_client.cli.main import cli

TIMEOUT_SECONDS = 40
ESCAPE = re.compile(r"\x1b[^A-Za-z]*[A-Za-z]")
"""A control sequence of a terminal."""

_INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("opsroom_client", run_name="__main__", alter_sys=True)
"""
"""The command, also if the tests run in the background, where a shell makes programs ignore the signal."""


@dataclass
class Shell:
    """Runs commands in this process, in a thread, since each has its own event loop."""

    url: str
    token: str | None = None

    async def __call__(self, *arguments: str) -> Result:
        runner = CliRunner(env={"OPSROOM_URL": self.url, "OPSROOM_TOKEN": self.token})
        return await asyncio.to_thread(runner.invoke, cli, arguments, prog_name="opsroom")


async def piped(url: str, line: str, stdin: str = "") -> tuple[int | None, str, str]:
    """Run a shell command line that contains ``opsroom``; returns exit code, stdout and stderr."""
    command = line.replace("opsroom", f"{sys.executable} -m opsroom_client --url {url}")
    shell = await asyncio.create_subprocess_shell(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        out, err = await shell.communicate(stdin.encode())
    return shell.returncode, out.decode(), err.decode()


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, process: Process, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._shown = ""
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:  # the command has ended
            data = b""
        if data:
            self._shown += data.decode(errors="replace")
        else:
            self.close()
        self._changed.set()

    def close(self) -> None:
        """Stop reading."""
        asyncio.get_running_loop().remove_reader(self._descriptor)

    @property
    def raw(self) -> str:
        """Everything shown so far, with control sequences."""
        return self._shown

    @property
    def text(self) -> str:
        """Everything shown so far, without control sequences."""
        return ESCAPE.sub("", self._shown).replace("\r", "")

    def type(self, text: str) -> None:
        """Type ``text``."""
        os.write(self._descriptor, text.encode())

    async def interrupt(self) -> int:
        """Press Ctrl-C until the command ends, and return its exit code.

        Once is not always enough: CPython's ``input()`` misses a signal that comes just before it reads.
        """
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                self._process.send_signal(signal.SIGINT)
                with suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        return await self._process.wait()

    async def shows(self, text: str) -> None:
        """Wait until ``text`` is shown."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while text not in self.text:
                self._changed.clear()
                await self._changed.wait()

    async def exit_code(self) -> int:
        """Wait for the end of the command."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._process.wait()


@asynccontextmanager
async def terminal(url: str, *arguments: str, **environ: str) -> AsyncIterator[Terminal]:
    """Run ``opsroom ARGUMENTS`` on a terminal; it is killed at the end if it still runs."""
    descriptor, slave = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _INTERRUPTIBLE, "--url", url, *arguments),
        env={**inherited, "TERM": "xterm-256color", "COLUMNS": "120", **environ},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = Terminal(process, descriptor)
    try:
        yield shown
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shown.close()
        os.close(descriptor)
