"""A pool that limits the number of concurrent tasks."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_FINISH_SECONDS = 5.0
"""Running tasks get this long at the end; then they are cancelled, and another process redoes their work."""


class TaskPool:
    """Runs up to ``concurrency`` tasks. One caller at a time awaits ``wait_for_slot`` and starts tasks."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        self._task_done = asyncio.Event()

    async def wait_for_slot(self) -> int:
        """Wait for a free slot; returns how many are free."""
        while len(self._tasks) >= self._concurrency:
            self._task_done.clear()
            await self._task_done.wait()
        return self._concurrency - len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` as a task. It must handle its own exceptions."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    async def finish(self) -> None:
        """Wait up to 5 s for the running tasks, then cancel the remaining ones."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FINISH_SECONDS
        while self._tasks and loop.time() < deadline:
            try:
                await asyncio.wait(self._tasks, timeout=deadline - loop.time())
            except asyncio.CancelledError:
                continue  # a repeated cancel, see process.cancel_and_wait; the deadline still applies
        for task in self._tasks:
            task.cancel()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._task_done.set()
