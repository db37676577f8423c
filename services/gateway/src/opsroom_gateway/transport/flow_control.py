"""Flow control of a transport, in both directions."""

import asyncio
from asyncio.transports import Transport


class FlowControl:
    """Pauses reading, and lets senders wait until the peer has read what was written."""

    __slots__ = ("_transport", "_writable", "reading_paused")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.reading_paused = False
        self._writable: asyncio.Event | None = None
        """What senders wait for. None: nothing waits for the peer."""

    def pause_reading(self) -> None:
        """Read nothing more."""
        if not self.reading_paused:
            self.reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.reading_paused:
            self.reading_paused = False
            self._transport.resume_reading()

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
