"""A client's connection: prepared bytes go directly to its socket while its buffer is empty."""

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
"""How long a peer may take to read the last bytes before the connection is aborted."""
_DRAIN_SECONDS = 30.0
_RESET = struct.pack("ii", 1, 0)


class DescriptorCache(Protocol):
    """A cache of connections' file descriptors."""

    dirty: bool
    """Set when a cached file descriptor is no longer valid."""


class ClientConnection(ABC):
    """A client's connection. ``limit``: the most bytes that may be buffered before it counts as too slow.

    Its protocol must pass on every transport callback. The constructor sets the write buffer's high-water
    mark to 0, so that the transport calls ``pause_writing`` as soon as anything is buffered: that keeps
    direct writes and buffered writes in order.
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
        """Whether the connection still exists, even if it is only being closed."""
        self.deflate = False
        """Whether the client accepts compressed frames."""
        self.write_descriptor = NO_DESCRIPTOR
        """The file descriptor to write to. ``NO_DESCRIPTOR``: call ``write_buffered`` instead.

        It changes; a caller that caches it must call ``watch``."""
        self._caches: tuple[DescriptorCache, ...] = ()
        self._stats = stats
        self._socket_descriptor = _socket_descriptor(transport)
        self._drain_waiter: asyncio.Future[None] | None = None
        self._close_callbacks: tuple[Callable[[], None], ...] = ()
        if not transport.get_write_buffer_size():
            self.resume()

    @property
    def open(self) -> bool:
        """Whether data can still be sent."""
        return not self.transport.is_closing()

    @property
    def buffered_bytes(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self.transport.get_write_buffer_size()

    def write(self, frames: bytes) -> bool:
        """Send prepared bytes, or close the connection if its buffer is full. False if it is closed."""
        sent = 0
        if self.write_descriptor != NO_DESCRIPTOR:
            try:
                sent = os.write(self.write_descriptor, frames)
            except OSError:  # full or broken: the transport will find out
                sent = 0
            if sent == len(frames):
                return True
        return self.write_buffered(frames, sent)

    def write_buffered(self, frames: bytes, sent: int) -> bool:
        """Like ``write``, for what is left after ``sent`` bytes were written to ``write_descriptor``."""
        if not self.open:
            return False
        transport = self.transport
        rest = frames[sent:] if sent else frames
        waiting = transport.get_write_buffer_size()
        # An empty buffer is never slow, so one oversized frame (a long user list) is allowed.
        if waiting and waiting + len(rest) > self.limit:
            self._stats.slow_readers += 1
            if sent:  # nothing may follow half a frame
                self.abort()
            else:
                self.close_slow_consumer()
            return False
        transport.write(rest)
        return True

    @abstractmethod
    def close_slow_consumer(self) -> None:
        """Close as too slow, in the way of the connection's protocol."""

    def abort(self) -> None:
        """Close the connection at once with a TCP reset.

        Without the reset the kernel would go on offering the unsent bytes, and the peer would see no error.
        """
        sock = self.transport.get_extra_info("socket")
        if self.connected and sock.fileno() != NO_DESCRIPTOR:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def watch(self, cache: DescriptorCache) -> None:
        """Mark ``cache`` dirty whenever ``write_descriptor`` changes."""
        self._caches += (cache,)

    def unwatch(self, cache: DescriptorCache) -> None:
        """Stop marking ``cache`` dirty."""
        self._caches = tuple(other for other in self._caches if other is not cache)

    def pause(self) -> None:
        """Stop direct writes: the transport has buffered bytes, and later ones must wait behind them."""
        self._write_to(NO_DESCRIPTOR)

    def resume(self) -> None:
        """Allow direct writes again: the transport's buffer is empty."""
        if self.open:
            self._write_to(self._socket_descriptor)
        self._wake_drain_waiter()

    def stop_sending(self) -> None:
        """Send nothing more. The file descriptor may soon belong to another connection."""
        self._socket_descriptor = NO_DESCRIPTOR
        self._write_to(NO_DESCRIPTOR)

    def lost(self) -> None:
        """Record that the connection is closed, and call the close callbacks."""
        self.connected = False
        self.stop_sending()
        self._wake_drain_waiter()
        callbacks, self._close_callbacks = self._close_callbacks, ()
        for callback in callbacks:
            callback()

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when the connection is closed; at once if it is closed already."""
        if self.connected:
            self._close_callbacks += (callback,)
        else:
            callback()

    async def wait_drained(self) -> bool:
        """Wait until the reader has taken all buffered bytes. Returns False if it is closed or too slow."""
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
    """Return the descriptor of the transport's socket if writing to it equals writing to the transport.

    With TLS the transport encrypts; outside POSIX a socket is not a file descriptor.
    """
    if os.name != "posix" or transport.get_extra_info("sslcontext") is not None:
        return NO_DESCRIPTOR
    descriptor: int = transport.get_extra_info("socket").fileno()
    return descriptor


def connection_in(scope: Any) -> ClientConnection | None:
    """Return the client connection in an ASGI scope, if the request has been upgraded to one."""
    connection: ClientConnection | None = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
    return connection
