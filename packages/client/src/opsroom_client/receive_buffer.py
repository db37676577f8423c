"""What the chat was told and nobody has read yet."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

MOST_WAITING = 400

ItemT = TypeVar("ItemT")


class ReceiveBuffer(Generic[ItemT]):
    """A bounded buffer that, when full, takes nothing more until it has been emptied.

    So acknowledgements are still read while nobody reads the messages. What was not taken is asked for again
    from the last message that was.
    """

    def __init__(self, limit: int = MOST_WAITING) -> None:
        self._items: deque[ItemT] = deque()
        self._limit = limit
        self._changed = asyncio.Event()
        self._end: BaseException | None = None
        self._ended = False
        self.missed = False
        """Whether something was not taken since the last :meth:`resume`."""

    def put(self, item: ItemT) -> bool:
        """Take ``item``; False if it was not taken."""
        if self.missed or len(self._items) >= self._limit:
            self.missed = True
            return False
        self._items.append(item)
        self._changed.set()
        return True

    def end(self, reason: BaseException | None) -> None:
        """Nothing more comes; whoever has read all the rest gets ``reason``."""
        self._end, self._ended = reason, True
        self._changed.set()

    def resume(self) -> None:
        """What was missed is being asked for again."""
        self.missed = False

    @property
    def empty(self) -> bool:
        """Whether everything was read."""
        return not self._items

    async def get(self) -> ItemT:
        """The next item.

        Raises:
            StopAsyncIteration: the end, with no reason.
            BaseException: the reason of the end.
        """
        while not self._items:
            if self._ended:
                raise StopAsyncIteration if self._end is None else self._end
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()
