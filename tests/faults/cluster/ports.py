"""Ports of this machine: free ones, and whether somebody answers there."""

import asyncio
import random
import socket
from contextlib import suppress


async def listens(port: int) -> bool:
    """Whether somebody accepts connections at ``port``."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.transport.abort()
    return True


async def is_ready(port: int) -> bool:
    """Whether ``/readyz`` answers 200."""
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
    """A port that nobody listens on, below those that connections get, of which one could take it."""
    while True:
        port = random.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
