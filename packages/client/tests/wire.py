"""A TCP relay between a client and a gateway that can be cut, as a network is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 64 * 1024


class Wire:
    """The way to a gateway. ``url`` is where clients go.

    Attributes:
        target: the gateway's port.
        closed: whether nothing comes through any more.
        connections: how many were made.
        answered: the first thing asked on each of them that the gateway has answered.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.closed = False
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = 0
        self.answered: list[bytes] = []

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection there is, without a goodbye; new ones come through."""
        for writer in list(self._writers):
            writer.transport.abort()

    def close(self) -> None:
        """End every connection once what was said is told, as a server that stops; nothing comes through."""
        self.closed = True
        for writer in list(self._writers):
            writer.close()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        if self.closed:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, far_writer}
        try:
            with suppress(OSError):
                asked = await reader.read(_PIECE)
                far_writer.write(asked)
                await asyncio.gather(_pump(reader, far_writer), self._answer(asked, far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}
            writer.close()
            far_writer.close()

    async def _answer(
        self, asked: bytes, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if piece := await far_reader.read(_PIECE):
            writer.write(piece)
            self.answered.append(asked)
        await _pump(far_reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(target: int) -> AsyncIterator[Wire]:
    """A way to the gateway at the port ``target``."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
