"""A queue of received ASGI events: small, and usable with a callback instead of a task."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

Event = Any
"""An ASGI event."""

_EVENTS: Final = 64
_BYTES: Final = 64 * 1024


class ReceiveQueue:
    """A queue for one consumer. ``on_item`` is called for an event if nobody waits in ``get``.

    The protocol stops reading while it is ``full``. So it holds what one more piece of a read can contain.
    """

    __slots__ = ("_bytes", "_events", "_waiter", "on_item")

    def __init__(self) -> None:
        self._events: deque[Event] | None = None
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self.on_item: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._events or ())

    def put_nowait(self, event: Event) -> None:
        """Add an event."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        self._bytes += len(event.get("text") or event.get("bytes") or b"")
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self.on_item is not None:
            self.on_item()

    async def get(self) -> Event:
        """Wait for the next event and return it."""
        while self._events is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        event = self._events.popleft()
        if not self._events:
            self._events, self._bytes = None, 0
        return event

    def take(self) -> list[Event]:
        """Return all events that are waiting."""
        events, self._events, self._bytes = list(self._events or ()), None, 0
        return events

    @property
    def full(self) -> bool:
        """Whether no more should be received for now."""
        return self._events is not None and (len(self._events) >= _EVENTS or self._bytes >= _BYTES)

    def empty(self) -> bool:
        """Return whether the queue is empty."""
        return self._events is None
