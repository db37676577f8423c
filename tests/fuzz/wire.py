"""A WebSocket client that breaks the rules on purpose: bytes in, and whatever the server says."""

import asyncio
import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80
MASK = b"\x01\x02\x03\x04"
PATIENCE_SECONDS = 30.0


def frame(opcode: int, payload: bytes = b"", *, flags: int = FIN, masked: bool = True) -> bytes:
    """One frame; ``flags``: FIN and the reserved bits."""
    bit, size = (0x80 if masked else 0), len(payload)
    if size < 126:
        head = struct.pack("!BB", flags | opcode, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", flags | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", flags | opcode, bit | 127, size)
    if not masked:
        return head + payload
    key = (MASK * (size // 4 + 1))[:size]
    xored = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + MASK + xored.to_bytes(size, "big")


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def handshake(path: str) -> bytes:
    """A request to open a socket that nobody can object to."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: opsroom.v1\r\n\r\n"
    ).encode()


@dataclass(slots=True)
class Wire:
    """An open socket, read frame by frame."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def next(self) -> tuple[int, bytes]:
        """The opcode and payload of the server's next frame, all one; IncompleteReadError at the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, size = await self.reader.readexactly(2)
            assert first & 0xF0 == FIN, f"a frame begins with {first:#x}"
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            return first & 0x0F, await self.reader.readexactly(size)

    async def until(self, opcode: int) -> bytes:
        """The payload of the next frame with ``opcode``."""
        while (got := await self.next())[0] != opcode:
            if got[0] == CLOSE:
                raise AssertionError(f"closed: {got[1]!r}")
        return got[1]

    async def end(self) -> None:
        """Hang up."""
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


async def opened(port: int, path: str) -> Wire:
    """A socket past its handshake."""
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    try:
        wire.writer.write(handshake(path))
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await wire.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer
    except BaseException:  # a timeout of the caller's, too: Python 3.13 warns of a connection left open
        await wire.end()
        raise
    return wire
