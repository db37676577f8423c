"""Runs of a program: with limits on time and output, in a process group that is killed as a whole."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from opsroom_runtime.process import cancel_and_wait

OUTPUT_MAX = 8 * 1024**2
"""The most that a run may print, in bytes; one that prints more is killed. Not for logs and statistics."""
_ERRORS_KEPT = 4096
_CHUNK = 65_536
_STREAM_LINE_MAX = 65_536
_GRACE_SECONDS = 2.0
_REAP_SECONDS = 5.0


class RunError(Exception):
    """A run has no outcome: it took too long, printed too much, or was killed. The message says which."""


class ProgramMissingError(Exception):
    """The program can't be run, so it has done nothing. The message says why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended. ``code``: its exit code. ``last``: the last line that it printed.

    ``errors``: the last line of its standard error.
    """

    code: int
    last: bytes
    errors: str


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How long a run may take, in seconds, and how many there may be at once."""

    seconds: float
    concurrency: int


async def _ignore_start(_pid: int) -> None:
    """Do nothing with the process id of a run."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program at ``path``, which sees the variables of ``environ`` only.

    Its folder is its working directory. Each run leads a process group, and has its verb as only argument.
    """

    path: Path
    environ: Mapping[str, str]

    async def run(
        self,
        verb: str,
        data: bytes,
        *,
        timeout: float,
        on_line: Callable[[bytes], None] = lambda _: None,
        on_start: Callable[[int], Awaitable[None]] = _ignore_start,
    ) -> Finished:
        """Run it with ``data`` as input. ``on_line``: called for each line.

        ``on_start``: awaited with the process id. ``timeout`` is in seconds. If this is cancelled, the
        process group is killed.

        Raises:
            RunError: it has not ended within ``timeout``, has printed too much, or was killed by a signal.
            ProgramMissingError: it can't be run.
        """
        try:
            async with asyncio.timeout(timeout), self._process(verb) as process:
                await on_start(process.pid)
                last, errors = await _exchange(process, data, on_line)
                code = await process.wait()
        except TimeoutError:
            raise RunError(f"{self.path.name} {verb} has not ended within {timeout:g} s") from None
        if code < 0:
            raise RunError(f"{self.path.name} {verb} was ended by signal {-code}")
        return Finished(code, last, errors)

    async def lines(self, verb: str, data: bytes) -> AsyncGenerator[list[bytes]]:
        """Run it and iterate over what it prints, some lines at a time; it is killed if this is closed.

        While nobody iterates, the pipe fills and the program waits. A very long line is split.

        Raises:
            ProgramMissingError: it can't be run.
        """
        async with self._process(verb) as process:
            errors = asyncio.create_task(_read_errors(process))
            try:
                await _feed(process, data)
                async with aclosing(_batches(process, _STREAM_LINE_MAX)) as batches:
                    async for batch in batches:
                        yield batch
            finally:
                await cancel_and_wait([errors])

    @asynccontextmanager
    async def _process(self, verb: str) -> AsyncIterator[Process]:
        process = await self._spawn(verb)
        try:
            yield process
        except BaseException:
            await _end(process)
            raise
        # A run that has ended by itself may leave processes; one that is still there is not wanted any more.
        if process.returncode is None:
            await _end(process)

    async def _spawn(self, verb: str) -> Process:
        """Start the program. If this is cancelled meanwhile, what has been started is ended."""
        starting = asyncio.create_task(self._start(verb))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(ProgramMissingError):
                await _end(await starting)
            raise

    async def _start(self, verb: str) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *(self.path, verb),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=dict(self.environ),
                cwd=self.path.parent,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramMissingError(f"{self.path.name} can't be run: {error.strerror or error}") from error


def kill_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _end(process: Process) -> None:
    """End the process group: politely, then by force."""
    kill_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_SECONDS):
            await _reap(process)
    except TimeoutError:
        pass
    finally:
        kill_group(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await _reap(process)


async def _reap(process: Process) -> None:
    """Wait for the end. What nobody reads would keep the pipes open."""
    for output in (process.stdout, process.stderr):
        while output is not None and await output.read(_CHUNK):
            pass
    await process.wait()


async def _exchange(process: Process, data: bytes, on_line: Callable[[bytes], None]) -> tuple[bytes, str]:
    """Write the input, and read all output. Returns the last line, and that of the errors."""
    feeding, errors = asyncio.create_task(_feed(process, data)), asyncio.create_task(_read_errors(process))
    try:
        return await _read_output(process, on_line), await errors
    finally:
        await cancel_and_wait([feeding, errors])


async def _feed(process: Process, data: bytes) -> None:
    """Write the input. A program that does not read it is no failure."""
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _read_output(process: Process, on_line: Callable[[bytes], None]) -> bytes:
    """Return the last line that is not empty; call ``on_line`` with each as it comes."""
    last = b""
    async for batch in _batches(process, OUTPUT_MAX, total=OUTPUT_MAX):
        for line in filter(bytes.strip, batch):
            on_line(line)
            last = line
    return last


async def _batches(process: Process, line_max: int, total: int | None = None) -> AsyncGenerator[list[bytes]]:
    rest, size = b"", 0
    while process.stdout is not None and (chunk := await process.stdout.read(_CHUNK)):
        size += len(chunk)
        if total is not None and size > total:
            raise RunError(f"it has printed more than {total} bytes")
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > line_max:
            lines.append(rest)
            rest = b""
        if lines:
            yield lines
    if rest:
        yield [rest]


async def _read_errors(process: Process) -> str:
    """Return the last line of the standard error."""
    kept = b""
    while process.stderr is not None and (chunk := await process.stderr.read(_CHUNK)):
        kept = (kept + chunk)[-_ERRORS_KEPT:]
    lines = kept.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
