"""A queue of received ASGI events: small, and usable with a callback instead of a task."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Event = Any
"""An ASGI event."""


class ReceiveQueue:
    """A queue for one consumer. ``on_item`` is called for an event if nobody waits in ``get``.

    It holds at most the events of one read, because the protocol stops reading while it is not empty.
    """

    __slots__ = ("_events", "_waiter", "on_item")

    def __init__(self) -> None:
        self._events: deque[Event] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.on_item: Callable[[], None] | None = None

    def put_nowait(self, event: Event) -> None:
        """Add an event."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
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
            self._events = None
        return event

    def empty(self) -> bool:
        """Return whether the queue is empty."""
        return self._events is None
