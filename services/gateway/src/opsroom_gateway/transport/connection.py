"""Where prepared bytes for one reader go: to its socket while nothing waits, else to its transport."""

import asyncio
import os
import socket
import struct
from abc import ABC, abstractmethod
from asyncio.transports import Transport
from collections.abc import Callable
from typing import Any, Final, Protocol

from opsroom_gateway.transport.stats import TransportStats

CONNECTION_EXTENSION: Final = "opsroom.connection"
NO_DESCRIPTOR: Final = -1
CLOSE_TIMEOUT_SECONDS: Final = 10.0
"""How long a peer may take to read the last of what it was sent."""
_DRAIN_SECONDS = 30.0
_RESET = struct.pack("ii", 1, 0)


class DescriptorCache(Protocol):
    """Who writes to sockets of connections itself."""

    dirty: bool
    """Set whenever a number it knows is no longer the one to write to."""


class ClientConnection(ABC):
    """A client's connection. ``limit``: bytes that may wait before the reader is too slow.

    It must be told of everything the transport tells its protocol. The transport must call ``pause_writing``
    as soon as anything waits (``set_write_buffer_limits(high=0)``): that keeps all bytes in their order.
    """

    __slots__ = (
        "_caches",
        "_close_callbacks",
        "_drain_waiter",
        "_socket_descriptor",
        "_stats",
        "connected",
        "deflate",
        "limit",
        "transport",
        "write_descriptor",
    )

    def __init__(self, transport: Transport, limit: int, stats: TransportStats) -> None:
        transport.set_write_buffer_limits(high=0)
        self.transport = transport
        self.limit = limit
        self.connected = True
        """Whether the connection is there, if only to be closed."""
        self.deflate = False
        """Whether frames may come compressed."""
        self.write_descriptor = NO_DESCRIPTOR
        """The file descriptor to write to; ``NO_DESCRIPTOR``: call ``write_buffered``. Watch it to cache it."""
        self._caches: tuple[DescriptorCache, ...] = ()
        self._stats = stats
        self._socket_descriptor = _socket_descriptor(transport)
        self._drain_waiter: asyncio.Future[None] | None = None
        self._close_callbacks: tuple[Callable[[], None], ...] = ()
        if not transport.get_write_buffer_size():
            self.resume()

    @property
    def open(self) -> bool:
        """Whether anything can still be sent."""
        return not self.transport.is_closing()

    @property
    def buffered_bytes(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self.transport.get_write_buffer_size()

    def write(self, frames: bytes) -> bool:
        """Send prepared bytes, or close the reader that has let too much wait; False if it is closed."""
        sent = 0
        if self.write_descriptor != NO_DESCRIPTOR:
            try:
                sent = os.write(self.write_descriptor, frames)
            except OSError:  # full, or broken: the transport finds out which
                sent = 0
            if sent == len(frames):
                return True
        return self.write_buffered(frames, sent)

    def write_buffered(self, frames: bytes, sent: int) -> bool:
        """As ``write``, for what is left after ``sent`` bytes went to ``write_descriptor``."""
        if not self.open:
            return False
        transport = self.transport
        rest = frames[sent:] if sent else frames
        waiting = transport.get_write_buffer_size()
        # Who lets nothing wait is not slow, however large what comes next: the list of very many people.
        if waiting and waiting + len(rest) > self.limit:
            self._stats.slow_readers += 1
            if sent:  # nothing that could be read may follow half a frame
                self.abort()
            else:
                self.close_slow_consumer()
            return False
        transport.write(rest)
        return True

    @abstractmethod
    def close_slow_consumer(self) -> None:
        """Close as too slow, in the words of the dialect."""

    def abort(self) -> None:
        """End the connection at once, and have the peer told so, however little it reads.

        Else the system would go on for a while to offer what is left, and then give up without a word.
        """
        sock = self.transport.get_extra_info("socket")
        if self.connected and sock.fileno() != NO_DESCRIPTOR:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def watch(self, cache: DescriptorCache) -> None:
        """Have ``cache`` marked dirty whenever ``write_descriptor`` changes."""
        self._caches += (cache,)

    def unwatch(self, cache: DescriptorCache) -> None:
        """Mark it no more."""
        self._caches = tuple(other for other in self._caches if other is not cache)

    def pause(self) -> None:
        """Something waits in the transport, and what comes next must wait behind it."""
        self._write_to(NO_DESCRIPTOR)

    def resume(self) -> None:
        """Nothing waits: write to the socket until told otherwise."""
        if self.open:
            self._write_to(self._socket_descriptor)
        self._wake_drain_waiter()

    def stop_sending(self) -> None:
        """Nothing may be sent any more. The socket's number may soon be another's."""
        self._socket_descriptor = NO_DESCRIPTOR
        self._write_to(NO_DESCRIPTOR)

    def lost(self) -> None:
        """The connection is over."""
        self.connected = False
        self.stop_sending()
        self._wake_drain_waiter()
        callbacks, self._close_callbacks = self._close_callbacks, ()
        for callback in callbacks:
            callback()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the connection is over."""
        self._close_callbacks += (callback,)

    async def wait_drained(self) -> bool:
        """Wait until the reader has taken all that waits; False if it is closed or takes too long."""
        if self.open and self.transport.get_write_buffer_size():
            self._drain_waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(_DRAIN_SECONDS):
                    await self._drain_waiter
            except TimeoutError:
                self._stats.slow_readers += 1
                self.close_slow_consumer()
            finally:
                self._drain_waiter = None
        return self.open

    def _write_to(self, descriptor: int) -> None:
        self.write_descriptor = descriptor
        for cache in self._caches:
            cache.dirty = True

    def _wake_drain_waiter(self) -> None:
        if self._drain_waiter is not None and not self._drain_waiter.done():
            self._drain_waiter.set_result(None)


def _socket_descriptor(transport: Transport) -> int:
    """The number of the transport's socket, where writing to it is the same as writing to the transport.

    Under TLS the transport encrypts; elsewhere than on POSIX a socket is no file descriptor.
    """
    if os.name != "posix" or transport.get_extra_info("sslcontext") is not None:
        return NO_DESCRIPTOR
    descriptor: int = transport.get_extra_info("socket").fileno()
    return descriptor


def connection_in(scope: Any) -> ClientConnection | None:
    """The connection of a connection, if it has one by now, from its scope."""
    connection: ClientConnection | None = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
    return connection
