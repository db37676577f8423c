"""close_after_writing: what it keeps of a connection that is lost."""

import asyncio
import gc
from asyncio.transports import BaseTransport, Transport
from typing import cast
from weakref import ref

from opsroom_gateway.transport.closing import close_after_writing
from opsroom_testkit.waiting import until


class Accepting(asyncio.Protocol):
    """Passes on the transport of its connection, and keeps nothing."""

    def __init__(self, accepted: asyncio.Queue[Transport]) -> None:
        self._accepted = accepted

    def connection_made(self, transport: BaseTransport) -> None:
        self._accepted.put_nowait(cast("Transport", transport))


async def test_a_connection_that_is_lost_while_it_closes_is_not_kept() -> None:
    """Its peer reads nothing, and then resets it: nobody waits for it any more."""
    accepted: asyncio.Queue[Transport] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Accepting(accepted), "127.0.0.1", 0) as server:
        peer, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        peer.pause_reading()
        transport = await accepted.get()
        transport.write(b"x" * 32 * 1024**2)
        assert transport.get_write_buffer_size() > 0
        close_after_writing(transport)
        kept = ref(transport)
        del transport
        peer.abort()

        def is_gone() -> bool:
            gc.collect()
            return kept() is None

        await until(is_gone)
