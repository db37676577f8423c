"""Waiting until a subscription has delivered a sequence."""

import asyncio


class SequenceWaiters:
    """Wakes tasks that wait for a sequence."""

    def __init__(self) -> None:
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    async def wait(self, seq: int, timeout: float) -> bool:
        """Wait until ``seq`` is delivered; False if that takes longer than ``timeout`` seconds."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((seq, waiter))
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters = [pair for pair in self._waiters if pair[1] is not waiter]
        return True

    def on_delivered(self, seq: int) -> None:
        """Wake those that wait for ``seq`` or an earlier sequence."""
        for wanted, waiter in self._waiters:
            if wanted <= seq and not waiter.done():
                waiter.set_result(None)
