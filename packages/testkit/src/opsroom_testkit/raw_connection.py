"""An HTTP connection that keeps every byte of the response: streams and WebSockets as they arrive."""

import asyncio
import socket

PATIENCE_SECONDS = 20.0


class RawConnection:
    """A connection past the headers of its response (``head``). ``bytes``: everything read after them."""

    def __init__(self, connection: socket.socket, head: bytes, rest: bytes) -> None:
        self.head = head
        self.bytes = bytearray(rest)
        self._socket = connection

    async def read(self, most: int = 65_536) -> bool:
        """Read up to ``most`` bytes; False at the end. Cancelled, it has read nothing."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._readable()
        try:
            piece = self._socket.recv(most)
        except ConnectionResetError:
            return False
        self.bytes += piece
        return bool(piece)

    async def _readable(self) -> None:
        # ``sock_recv`` loses what it has received if it is cancelled before its task goes on.
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._socket)

    async def read_until(self, count: int, most: int = 65_536) -> None:
        """Read until there are ``count`` bytes."""
        while len(self.bytes) < count:
            assert await self.read(most), "the connection ended"

    async def read_all(self) -> bytes:
        """Read to the end."""
        while await self.read():
            pass
        return bytes(self.bytes)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self) -> None:
        """Close."""
        self._socket.close()


async def open_raw(port: int, request: bytes, receive_buffer: int = 0) -> RawConnection:
    """Send ``request`` to a port of this machine and read the headers of the response.

    ``receive_buffer``: bytes that the system buffers (``SO_RCVBUF``), 0 for its default.
    """
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, request)
        got = b""
        while b"\r\n\r\n" not in got:
            piece = await loop.sock_recv(sock, 4096)
            if not piece:
                break
            got += piece
    head, _, rest = got.partition(b"\r\n\r\n")
    return RawConnection(sock, head, rest)
