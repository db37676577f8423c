"""A child process: its output as lines, and a stop with a timeout."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from typing import Self

from opsroom_launcher.supervision.line_splitter import LineSplitter

_CHUNK_BYTES = 65536
_KILLED_SECONDS = 5.0
_OUTPUT_DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A process to keep running."""

    name: str
    """Unique; that of a replica ends in its number, as in ``chat-2``."""
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    """The whole environment, not an addition to the launcher's."""
    stop_order: int
    """All start at once. The lowest number is stopped first, and the next when those have ended."""
    grace: float
    """Seconds from SIGTERM to SIGKILL."""
    reloads: bool = False
    """Whether it reads its files again on SIGHUP."""
    is_shown: Callable[[str], bool] = lambda _line: True
    """Which lines of its output go to the console."""
    pass_fds: tuple[int, ...] = ()
    """File descriptors that it inherits."""


class Child:
    """A started process. The caller must await `ended` or `stop`."""

    def __init__(self, process: Process, output: "asyncio.Task[None]") -> None:
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, spec: ServiceSpec, group: int, on_line: Callable[[str], None]) -> Self:
        """Start it in the process ``group``; each line of stdout and stderr goes to ``on_line``.

        Raises:
            OSError: there is no such program, or no such group.
        """
        # Our own pipe: with asyncio's, the end of a process is seen only when all that inherited its output
        # has ended too (Python 3.11).
        ours, theirs = os.pipe()
        with os.fdopen(theirs, "wb"), ExitStack() as undo:
            output = undo.enter_context(os.fdopen(ours, "rb", buffering=0))
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=DEVNULL,
                stdout=theirs,
                stderr=STDOUT,
                env=spec.environ,
                pass_fds=spec.pass_fds,
                process_group=group,
            )
            undo.pop_all()
        return cls(
            process, asyncio.create_task(_forward_lines(output, on_line), name=f"output of {spec.name}")
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ended(self) -> int:
        """Wait for the end of the process and its output. Returns the exit code (negative: the signal)."""
        code = await self._process.wait()
        # A stray grandchild may hold the pipe open, so the wait for its output is short.
        await asyncio.wait([self._output], timeout=_OUTPUT_DRAIN_SECONDS)
        self._output.cancel()
        return code

    async def stop(self, grace: float) -> bool:
        """Send SIGTERM, and SIGKILL after ``grace`` seconds. Returns whether SIGTERM was enough."""
        self._send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), grace)
        except TimeoutError:
            self._send(signal.SIGKILL)
            await asyncio.wait_for(self.ended(), _KILLED_SECONDS)
            return False
        return True

    def reload(self) -> None:
        """Send SIGHUP."""
        self._send(signal.SIGHUP)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


async def _forward_lines(output: FileIO, on_line: Callable[[str], None]) -> None:
    """Split ``output`` into lines until it ends, and close it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), output
    )
    splitter = LineSplitter()
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            for line in splitter.feed(chunk):
                on_line(line)
        for line in splitter.end():
            on_line(line)
    finally:
        transport.close()


def describe_exit(code: int) -> str:
    """Describe an exit code, as ``exit 1`` or ``SIGKILL``."""
    if code >= 0:
        return f"exit {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
