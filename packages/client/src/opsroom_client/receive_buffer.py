"""Received events that the application has not read yet."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

MAX_ITEMS = 400

ItemT = TypeVar("ItemT")


class ReceiveBuffer(Generic[ItemT]):
    """A bounded buffer that, once full, accepts nothing until it is empty.

    So a reader that does not keep up does not block acknowledgements. The events that were not accepted are
    requested again, from the last one that was.
    """

    def __init__(self, limit: int = MAX_ITEMS) -> None:
        self._items: deque[ItemT] = deque()
        self._limit = limit
        self._changed = asyncio.Event()
        self._end_reason: BaseException | None = None
        self._ended = False
        self.overflowed = False
        """Whether an item was not accepted since the last :meth:`resume`."""

    def put(self, item: ItemT) -> bool:
        """Add ``item``; returns whether it was accepted."""
        if self.overflowed or len(self._items) >= self._limit:
            self.overflowed = True
            return False
        self._items.append(item)
        self._changed.set()
        return True

    def end(self, reason: BaseException | None) -> None:
        """Accept no more items; readers get ``reason`` after the remaining ones."""
        self._end_reason, self._ended = reason, True
        self._changed.set()

    def resume(self) -> None:
        """Accept items again: those that were missed are being requested."""
        self.overflowed = False

    @property
    def empty(self) -> bool:
        """Whether all items were read."""
        return not self._items

    async def get(self) -> ItemT:
        """The next item.

        Raises:
            StopAsyncIteration: the buffer ended without a reason.
            BaseException: the reason of the end.
        """
        while not self._items:
            if self._ended:
                raise StopAsyncIteration if self._end_reason is None else self._end_reason
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()
