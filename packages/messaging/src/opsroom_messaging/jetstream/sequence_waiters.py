"""Waiting until a subscription has delivered a sequence."""

import asyncio


class SequenceWaiters:
    """Wakes tasks that wait for a sequence. A wait costs the same, however many others there are."""

    def __init__(self) -> None:
        self._waiters: dict[int, set[asyncio.Future[None]]] = {}

    async def wait(self, seq: int, timeout: float) -> bool:
        """Wait until ``seq`` is delivered; False if that takes longer than ``timeout`` seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(seq, set()).add(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._discard(seq, waiter)
        return True

    def on_delivered(self, seq: int) -> None:
        """Wake those that wait for ``seq`` or an earlier sequence."""
        for reached in [wanted for wanted in self._waiters if wanted <= seq]:
            for waiter in self._waiters.pop(reached):
                if not waiter.done():
                    waiter.set_result(None)

    def _discard(self, seq: int, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiters.get(seq)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[seq]
