"""A TCP proxy between a client and a gateway, for testing lost connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_READ_BYTES = 64 * 1024


class Proxy:
    """A TCP proxy.

    Attributes:
        target: the gateway's port.
        closed: whether new connections are rejected.
        connections: the number of connections so far.
        answered: the first request of each connection to which the gateway responded.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.closed = False
        self._dropping: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0
        self.answered: list[bytes] = []

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Abort all connections; new ones are accepted."""
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """Forward nothing more on the current connections, and leave them open; new ones work."""
        self._dropping |= self._writers

    def close(self) -> None:
        """Close all connections after sending what is buffered, like a stopping server; reject new ones."""
        self.closed = True
        for writer in list(self._writers):
            writer.close()

    async def stop(self) -> None:
        """Abort all connections and wait for their tasks: a socket left open would fail a later test."""
        self.cut()
        for task in self._forwarding:
            task.cancel()
        await asyncio.gather(*self._forwarding, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Start to forward a new connection."""
        task = asyncio.create_task(self._forward(reader, writer))
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        self.connections += 1
        if self.closed:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, server_writer}
        try:
            with suppress(OSError):
                request = await reader.read(_READ_BYTES)
                server_writer.write(request)
                await asyncio.gather(
                    self._copy(reader, server_writer), self._forward_response(request, server_reader, writer)
                )
        finally:
            self._writers -= {writer, server_writer}
            self._dropping -= {writer, server_writer}
            for one in (writer, server_writer):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()

    async def _forward_response(
        self, request: bytes, server_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if data := await server_reader.read(_READ_BYTES):
            writer.write(data)
            self.answered.append(request)
        await self._copy(server_reader, writer)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                if writer not in self._dropping:
                    writer.write(data)
                    await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy_to(target: int) -> AsyncIterator[Proxy]:
    """A proxy to the gateway on port ``target``."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
