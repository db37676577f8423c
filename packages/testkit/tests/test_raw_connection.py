"""A raw connection keeps every byte, also when reads are cancelled."""

import asyncio
import random
from contextlib import suppress

from opsroom_testkit.raw_connection import open_raw

PIECES = 3000


async def test_a_cancelled_read_loses_nothing() -> None:
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for number in range(PIECES):
            writer.write(b"%04d" % number)
            await asyncio.sleep(random.uniform(0, 0.0004))
        writer.close()
        done.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await open_raw(server.sockets[0].getsockname()[1], b"GET / HTTP/1.1\r\n\r\n")
        while not done.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(0, 0.0004)):
                    await connection.read()
        assert await connection.read_all() == b"".join(b"%04d" % number for number in range(PIECES))
        connection.close()
