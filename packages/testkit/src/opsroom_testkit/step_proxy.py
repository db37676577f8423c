"""A proxy between one process and the broker that sees each step of what the process does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

_WITH_PAYLOAD = frozenset({b"PUB", b"HPUB", b"MSG", b"HMSG"})

IsStep = Callable[[bytes, bytes, bool], bool]
"""Whether a command is a step: called with its subject, its payload, and whether the process sent it."""


class StepProxy:
    """Forwards NATS commands one by one, up to a chosen step, of which it notifies.

    From the chosen step on, nothing is forwarded but the end of the process: the broker sees that a killed
    one has closed its connection, as without a proxy, and sends it no more requests. ``serves``: the
    beginning of a line that the process sends once it takes requests, such as ``SUB chat.send``.
    """

    def __init__(self, target: int, *, serves: bytes, is_step: IsStep) -> None:
        self._target = target
        self._serves = serves
        self._is_step = is_step
        self._on_step: Callable[[], Awaitable[None]] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: int | None = None
        self.serves = asyncio.Event()
        """Set once the process takes requests."""
        self.reached = asyncio.Event()
        """Set once the chosen step is reached, and what it causes is done."""

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop_at(self, step: int, on_step: Callable[[], Awaitable[None]]) -> None:
        """Choose the step, 1 is the next one, and what is awaited instead of forwarding it."""
        self._left, self._on_step = step, on_step

    def release(self) -> bool:
        """Choose no step any more. Returns False if the chosen one has come already."""
        if self._left is not None and self._left <= 0:
            return False
        self._left = None
        return True

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, back, from_process=True))
                group.create_task(self._pump(there, writer, from_process=False))
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_process: bool
    ) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                line = await reader.readuntil(b"\r\n")
                words = line.split()
                body = b""
                if words[0] in _WITH_PAYLOAD:
                    body = await reader.readexactly(int(words[-1]) + 2)
                if from_process and line.startswith(self._serves):
                    self.serves.set()
                if words[0] in _WITH_PAYLOAD and self._is_step(words[1], body, from_process):
                    await self._step(reader)
                writer.write(line + body)
                await writer.drain()
        if from_process:
            with suppress(OSError):
                writer.write_eof()

    async def _step(self, reader: asyncio.StreamReader) -> None:
        """Count a step; drop the chosen one and what follows, and raise at the end of ``reader``."""
        if self._left is None or self._on_step is None:
            return
        self._left -= 1
        if self._left == 0:
            await self._on_step()
            self.reached.set()
        while self._left <= 0:
            await reader.readexactly(1)
