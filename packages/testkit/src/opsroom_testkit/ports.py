"""Ports of this machine: find a free one, ask whether one accepts connections or is ready."""

import asyncio
import random
import socket
from contextlib import suppress


async def listens(port: int) -> bool:
    """Whether ``port`` accepts connections."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def is_ready(port: int) -> bool:
    """Whether ``GET /readyz`` at ``port`` returns 200."""
    try:
        async with asyncio.timeout(3.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: opsroom\r\nConnection: close\r\n\r\n")
                answer = await reader.read(4096)
            finally:
                writer.transport.abort()
    except OSError:
        return False
    return b" 200 " in answer[:20]


def free_port() -> int:
    """Return a port that nobody listens on.

    It is below those that systems give to outgoing connections: a server that is started again must find it
    free, and a client must not connect to itself while the server is down.
    """
    while True:
        port = random.randrange(10_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
