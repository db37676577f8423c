"""Flow control of a transport, in both directions."""

import asyncio
from asyncio.transports import Transport
from collections.abc import Callable
from typing import Final

from opsroom_gateway.transport.input_budget import InputAccount

READ_BYTES: Final = 8192
"""How much is read from a connection at once."""


class FlowControl:
    """Passes what was received on, piece by piece, and lets senders wait until the peer has read.

    ``consume`` gets each piece, of up to ``piece_bytes`` bytes. While the application has paused reading, or
    ``account`` has no time left, what was received waits, and nothing more is read.

    ``read_ahead``: how many bytes are nevertheless read while the application has paused reading. Without
    them, what a peer sends before it closes may be lost: writing to a closed connection ends it.
    """

    __slots__ = (
        "_closed",
        "_consume",
        "_held",
        "_message_waits",
        "_piece_bytes",
        "_read_ahead",
        "_then",
        "_transport",
        "_transport_paused",
        "_unconsumed",
        "_writable",
        "account",
        "waiting",
    )

    def __init__(
        self,
        transport: Transport,
        consume: Callable[[memoryview], None],
        piece_bytes: int,
        account: InputAccount,
        read_ahead: int = 0,
    ) -> None:
        self._transport = transport
        self._read_ahead = read_ahead
        self._consume = consume
        self._piece_bytes = piece_bytes
        self.account = account
        """Where the connection's work is charged."""
        self._closed = False
        self._held = False
        """Whether the application has paused reading."""
        self._message_waits = False
        """Whether the application has not taken a message yet. The peer's end has to wait for that."""
        self._then: Callable[[], None] | None = None
        """What to do after the last bytes that the peer has sent."""
        self._unconsumed = b""
        self.waiting = False
        """Whether something that was received waits until the address has time."""
        self._transport_paused = False
        self._writable: asyncio.Event | None = None
        """What senders wait for. None: nothing waits for the peer."""

    @property
    def reading_paused(self) -> bool:
        """Whether something that the peer has sent may be unread."""
        return self._transport_paused or self._held

    @property
    def ended_by_peer(self) -> bool:
        """Whether the peer has ended the connection, while something that it has sent waits."""
        return self._then is not None

    def received(self, data: bytes) -> None:
        """Pass ``data`` on, now or later."""
        if self._unconsumed or self._held:
            self._unconsumed += data
            if len(self._unconsumed) > self._read_ahead:
                self._pause_transport()
        else:
            self._consume_pieces(data)

    def finish(self, then: Callable[[], None]) -> bool:
        """Call ``then`` once everything was passed on, because the peer has ended the connection.

        Returns False, and does not call it, if nothing waits.
        """
        if self._closed or not (self._unconsumed or self._held or self._message_waits):
            return False
        self._then = then
        return True

    def close(self) -> None:
        """Drop what was not passed on, and let senders go on. The transport may have another protocol now."""
        self._closed = True
        self._unconsumed, self._then = b"", None
        self._resume_transport()
        self.resume_writing()

    def message_waits(self, *, is_last: bool) -> None:
        """Note that the application has not taken a message yet. ``is_last``: pass nothing on until then."""
        self._message_waits = True
        if is_last:
            self.pause_reading()

    def pause_reading(self) -> None:
        """Pass nothing more on, and read no more than is read ahead."""
        self._held = True
        if len(self._unconsumed) >= self._read_ahead:
            self._pause_transport()

    def resume_reading(self) -> None:
        """Pass on what was received, and read on: the application has taken all messages."""
        self._held = self._message_waits = False
        if self._unconsumed:
            self._go_on_later()
        elif not self._closed:
            self._read_on()

    def pause_writing(self) -> None:
        """Let senders wait."""
        if self._writable is None:
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Let senders go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    async def writable(self) -> None:
        """Wait until the peer has read enough."""
        if self._writable is not None:
            await self._writable.wait()

    def _consume_pieces(self, data: bytes) -> None:
        """Pass ``data`` on until the application or the account stops it."""
        account, clock, size = self.account, self.account.clock, self._piece_bytes
        view = memoryview(data)
        self._unconsumed = b""
        for start in range(0, len(data), size):
            if self._closed:
                return
            if self._held or not account.has_time():
                self._unconsumed = bytes(view[start:])
                if not self._held or len(self._unconsumed) > self._read_ahead:
                    self._pause_transport()
                if not self._held:
                    self._go_on_later()
                return
            started = clock()
            self._consume(view[start : start + size])
            account.charge(clock() - started)
        if not self._held and not self._closed:
            self._read_on()

    def _read_on(self) -> None:
        """Read on, unless the peer has ended the connection."""
        if self._then is None:
            self._resume_transport()
        elif not self._message_waits:
            then, self._then = self._then, None
            then()

    def _go_on_later(self) -> None:
        if not self.waiting:
            self.waiting = True
            self.account.run_later(self._go_on)

    def _go_on(self) -> None:
        self.waiting = False
        if not self._held and not self._closed:
            self._consume_pieces(self._unconsumed)

    def _pause_transport(self) -> None:
        if not self._transport_paused:
            self._transport_paused = True
            self._transport.pause_reading()

    def _resume_transport(self) -> None:
        if self._transport_paused:
            self._transport_paused = False
            self._transport.resume_reading()
