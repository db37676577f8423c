"""A bounded number of tasks side by side, all of them owned and finished at the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_FINISH_SECONDS = 5.0
"""How long what is in hand may take at the end; then it is cancelled, to be done by another."""


class TaskPool:
    """Runs up to ``at_once`` tasks. One owner at a time waits for ``wait_for_slot`` and starts them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def wait_for_slot(self) -> int:
        """Wait until another task may start; answers how many may."""
        while len(self._tasks) >= self._at_once:
            self._ended.clear()
            await self._ended.wait()
        return self._at_once - len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the others. It has to deal with its own errors."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._drop)

    async def finish(self) -> None:
        """Let what is in hand come to its end, for 5 s at most; cancel what is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FINISH_SECONDS
        while self._tasks and loop.time() < deadline:
            try:
                await asyncio.wait(self._tasks, timeout=deadline - loop.time())
            except asyncio.CancelledError:
                continue  # told again while already stopping (see process.cancelled); the deadline holds
        for task in self._tasks:
            task.cancel()

    def _drop(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._ended.set()
