"""A socket before the one of an engine that holds requests or replies, so that a test can act in between."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from opsroom_runtime.process import cancel_and_wait

_PIECE_BYTES = 65_536


class Where(Enum):
    """Where a request is held: before the engine has it, or after the engine has done it and replied."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True)
class Hold:
    """The next request that matches ``pattern`` (of method and path) is held until ``released``.

    ``reached``: it is there. A request that is held ``AFTER`` never gets its reply.
    """

    pattern: str
    where: Where
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)


class EngineProxy:
    """Forwards connections to ``engine``. A client sends one request after the other on each."""

    def __init__(self, socket: Path, engine: Path) -> None:
        self.socket = socket
        self._engine = engine
        self._holds: list[Hold] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, pattern: str, where: Where) -> Hold:
        """Hold the next request whose method and path contain ``pattern``."""
        hold = Hold(pattern, where)
        self._holds.append(hold)
        return hold

    @asynccontextmanager
    async def running(self) -> AsyncIterator["EngineProxy"]:
        """Listen; all connections are cut at the end."""
        server = await asyncio.start_unix_server(self._serve, self.socket)
        try:
            yield self
        finally:
            server.close()
            await cancel_and_wait(self._tasks)

    async def _serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await _Connection(self, client, to_client).run(self._engine)
        finally:
            self._tasks.discard(task)

    def take(self, request: str) -> Hold | None:
        """Return the hold for a request, which then holds no other."""
        for hold in self._holds:
            if re.search(hold.pattern, request):
                self._holds.remove(hold)
                return hold
        return None


class _Connection:
    def __init__(self, proxy: EngineProxy, client: StreamReader, to_client: StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._to_client = to_client
        self._swallowing: Hold | None = None

    async def run(self, engine: Path) -> None:
        """Forward until either side ends."""
        try:
            with suppress(OSError):
                await self._forward_both(*await asyncio.open_unix_connection(engine))
        finally:
            self._to_client.close()

    async def _forward_both(self, from_engine: StreamReader, to_engine: StreamWriter) -> None:
        pumps = [
            asyncio.create_task(self._forward(to_engine)),
            asyncio.create_task(self._return(from_engine)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(pumps)
            to_engine.close()

    async def _forward(self, to_engine: StreamWriter) -> None:
        with suppress(OSError):
            while data := await self._client.read(_PIECE_BYTES):
                first = data.partition(b"\r\n")[0].decode("latin-1")
                hold = self._proxy.take(first.removesuffix(" HTTP/1.1")) if " HTTP/" in first else None
                if hold is not None and hold.where is Where.BEFORE:
                    hold.reached.set()
                    await hold.released.wait()
                elif hold is not None:
                    self._swallowing = hold
                to_engine.write(data)
                await to_engine.drain()

    async def _return(self, from_engine: StreamReader) -> None:
        with suppress(OSError):
            while data := await from_engine.read(_PIECE_BYTES):
                if self._swallowing is not None:
                    self._swallowing.reached.set()
                    continue
                self._to_client.write(data)
                await self._to_client.drain()
