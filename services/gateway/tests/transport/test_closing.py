"""close_after_writing: what it keeps of a connection that is lost."""

import asyncio
import gc
from asyncio.transports import Transport
from typing import cast
from weakref import ref

from opsroom_gateway.transport.closing import close_after_writing
from opsroom_testkit.waiting import until


async def test_a_connection_that_is_lost_while_it_closes_is_not_kept() -> None:
    """Its peer reads nothing, and then resets it: nobody waits for it any more."""
    accepted: asyncio.Queue[Transport] = asyncio.Queue()

    def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(cast("Transport", writer.transport))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        _, peer = await asyncio.open_connection(*server.sockets[0].getsockname())
        transport = await accepted.get()
        transport.write(b"x" * 32 * 1024**2)
        assert transport.get_write_buffer_size() > 0
        close_after_writing(transport)
        kept = ref(transport)
        del transport
        peer.transport.abort()

        def is_gone() -> bool:
            gc.collect()
            return kept() is None

        await until(is_gone)
