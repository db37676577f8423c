"""close_after_writing: what it keeps of a connection that is lost."""

import asyncio
import gc
from asyncio.transports import BaseTransport, Transport
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from weakref import ref

import pytest

from opsroom_gateway.transport import closing
from opsroom_gateway.transport.closing import close_after_writing
from opsroom_testkit.waiting import until


class Accepting(asyncio.Protocol):
    """Passes on the transport of its connection, and keeps nothing."""

    def __init__(self, accepted: asyncio.Queue[Transport]) -> None:
        self._accepted = accepted

    def connection_made(self, transport: BaseTransport) -> None:
        self._accepted.put_nowait(cast("Transport", transport))


@asynccontextmanager
async def unread() -> AsyncIterator[tuple[asyncio.Queue[Transport], Transport]]:
    """A connection whose peer reads nothing of what is written. Yields a queue with it, and its peer."""
    accepted: asyncio.Queue[Transport] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Accepting(accepted), "127.0.0.1", 0) as server:
        peer, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        peer.pause_reading()
        yield accepted, peer
        peer.abort()


def begin_to_close(transport: Transport) -> None:
    """Close a connection after more bytes than the system buffers."""
    transport.write(b"x" * 32 * 1024**2)
    assert transport.get_write_buffer_size() > 0
    close_after_writing(transport)


def timers() -> int:
    """Count the timers for a look at what a peer has read."""
    waiting = (one for one in gc.get_objects() if isinstance(one, asyncio.TimerHandle))
    called = (one for timer in waiting if not timer.cancelled() for one in gc.get_referents(timer))
    return sum(getattr(one, "__module__", None) == closing.__name__ for one in called)


async def test_a_connection_that_is_lost_while_it_closes_is_not_kept() -> None:
    """Its peer reads nothing, and then resets it: nobody waits for it any more."""
    async with unread() as (accepted, peer):
        transport = await accepted.get()
        begin_to_close(transport)
        kept = ref(transport)
        del transport
        peer.abort()

        def is_gone() -> bool:
            gc.collect()
            return kept() is None

        await until(is_gone)


async def test_no_timer_waits_long_for_a_connection_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that ask for much and vanish would each leave a timer for a minute."""
    monkeypatch.setattr(closing, "CHECKS", 600)
    async with unread() as (accepted, peer):
        transport = await accepted.get()
        begin_to_close(transport)
        assert timers() == 1
        peer.abort()
        await until(lambda: not timers())
