"""Asynchronous reading of standard input: a terminal, a pipe or a file."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError as NotRunError

_MAX_LINES = 16


async def stdin_lines(until: asyncio.Task[None] | None) -> AsyncIterator[str]:
    """The non-empty lines, until the input or the task ``until`` ends."""
    lines: asyncio.Queue[bytes] = asyncio.Queue(_MAX_LINES)
    # A daemon thread, since a blocking read can't be cancelled.
    reader = threading.Thread(target=_read_lines, args=(lines, asyncio.get_running_loop()), daemon=True)
    reader.start()
    while line := await _next_line(lines, until):
        if text := line.decode("utf-8", "replace").rstrip("\r\n"):
            yield text


async def _next_line(lines: asyncio.Queue[bytes], until: asyncio.Task[None] | None) -> bytes:
    """The next line; empty at the end."""
    reading = asyncio.create_task(lines.get())
    try:
        await asyncio.wait({reading, *([until] if until else [])}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else b""
    finally:
        reading.cancel()


def _read_lines(lines: asyncio.Queue[bytes], loop: asyncio.AbstractEventLoop) -> None:
    # Unbuffered: a blocked read would hold the buffer's lock, and the process could not exit.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as source:
        try:
            while True:
                line = source.readline()
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
                if not line:
                    return
        except (RuntimeError, NotRunError):
            return  # the event loop was closed
