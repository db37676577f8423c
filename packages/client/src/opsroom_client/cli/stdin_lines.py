"""Lines from standard input, whatever that is: a terminal, a pipe or a file."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError as NotRunError

_MOST_WAITING = 16


async def stdin_lines(until: asyncio.Task[None] | None) -> AsyncIterator[str]:
    """Lines that are not empty, until the input ends or the task ``until`` does."""
    lines: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
    # A daemon, since a read that waits for a person can't be called off.
    reader = threading.Thread(target=_read, args=(lines, asyncio.get_running_loop()), daemon=True)
    reader.start()
    while line := await _next(lines, until):
        if text := line.decode("utf-8", "replace").rstrip("\r\n"):
            yield text


async def _next(lines: asyncio.Queue[bytes], until: asyncio.Task[None] | None) -> bytes:
    """The next line; empty at the end."""
    reading = asyncio.create_task(lines.get())
    try:
        await asyncio.wait({reading, *([until] if until else [])}, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else b""
    finally:
        reading.cancel()


def _read(lines: asyncio.Queue[bytes], loop: asyncio.AbstractEventLoop) -> None:
    # Unbuffered: a buffer's lock, held by a read that never ends, would stop the process from ending.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as source:
        try:
            while True:
                line = source.readline()
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
                if not line:
                    return
        except (RuntimeError, NotRunError):
            return  # the loop is over, and with it who would read
