"""A WebSocket read frame by frame, to which any bytes can be written: for tests of the protocol itself."""

import asyncio
import struct
from dataclasses import dataclass

from opsroom_testkit.websocket_frames import CLOSE, FIN, upgrade_request

PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class RawWebSocket:
    """An open WebSocket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def next(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the next frame, which must be a whole message.

        Raises:
            asyncio.IncompleteReadError: the connection ended.
            TimeoutError: no frame came in 30 s.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, size = await self.reader.readexactly(2)
            assert first & 0xF0 == FIN, f"a frame begins with {first:#x}"
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def until(self, opcode: int) -> bytes:
        """Return the payload of the next frame with ``opcode``."""
        while (got := await self.next())[0] != opcode:
            if got[0] == CLOSE:
                raise AssertionError(f"closed: {got[1]!r}")
        return got[1]

    async def end(self) -> None:
        """Abort the connection."""
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


async def open_websocket(port: int, path: str, subprotocol: str = "opsroom.v1") -> RawWebSocket:
    """Open a WebSocket to ``path`` on this machine."""
    websocket = RawWebSocket(*await asyncio.open_connection("127.0.0.1", port))
    try:
        websocket.writer.write(upgrade_request(path, subprotocol=subprotocol))
        async with asyncio.timeout(PATIENCE_SECONDS):
            response = await websocket.reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 101"), response
    except BaseException:  # also a caller's timeout: Python 3.13 warns of a connection left open
        await websocket.end()
        raise
    return websocket
