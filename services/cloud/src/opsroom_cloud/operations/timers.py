"""In-process timers that complete operations punctually in the process that accepted them.

The broker's scheduled message is the fallback if this process dies. It is up to a quarter of a second late,
more if many are due at once, and usually finds the operation finished.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush

from opsroom_cloud.operations.runner import OperationRunner
from opsroom_contracts.cloud.models import PendingOperation
from opsroom_messaging.client.connection import describe
from opsroom_messaging.errors import OverloadedError, RejectedError, UnavailableError
from opsroom_runtime.task_pool import TaskPool

_TIMERS_MAX = 50_000
"""Maximum number of timers; further operations are left to the broker's schedule."""
_CONCURRENCY = 2_000

log = logging.getLogger(__name__)


class Timers:
    """Completes each started operation once when it is due; failures are left to the broker's schedule."""

    def __init__(self, runner: OperationRunner, *, clock: Callable[[], datetime]) -> None:
        self._runner = runner
        self._clock = clock
        self._due: list[tuple[datetime, str, str]] = []
        self._wake = asyncio.Event()
        self._pool = TaskPool(_CONCURRENCY)

    def start(self, instance_id: str, pending: PendingOperation) -> None:
        """Start a timer that completes the operation ``pending`` when it is due."""
        if len(self._due) >= _TIMERS_MAX:
            return
        heappush(self._due, (pending.due_at, instance_id, pending.id))
        if self._due[0][2] == pending.id:
            self._wake.set()

    async def run(self) -> None:
        """Complete due operations until cancelled; wait for those in progress."""
        try:
            while True:
                await self._until_due()
                await self._pool.wait_for_slot()
                _, instance_id, operation_id = heappop(self._due)
                self._pool.start(self._finish(instance_id, operation_id))
        finally:
            await self._pool.finish()

    @property
    def waiting(self) -> int:
        """The number of running timers."""
        return len(self._due)

    async def _until_due(self) -> None:
        while True:
            self._wake.clear()
            left = (self._due[0][0] - self._clock()).total_seconds() if self._due else None
            if left is not None and left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _finish(self, instance_id: str, operation_id: str) -> None:
        try:
            await self._runner.finish(instance_id, operation_id)
        except (UnavailableError, OverloadedError, RejectedError) as error:
            log.info("operation %s is left to the broker's schedule: %s", operation_id, describe(error))
