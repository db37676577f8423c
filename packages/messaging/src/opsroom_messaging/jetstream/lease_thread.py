"""Renews a gateway's lease from a thread while the event loop is too busy to do it.

A gateway whose loop is busy for longer than the lease lasts is slow, but it lives: if it were taken for dead,
its users would leave the list. The thread has its own event loop and connection. A loop that makes no
progress at all for long is taken for dead, because its users get nothing any more.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import BrokerUnusableError, UnavailableError
from opsroom_messaging.jetstream.leases import RENEW_SECONDS, lease_subject
from opsroom_messaging.jetstream.write_health import store
from opsroom_runtime import ticks

Connect = Callable[[], Awaitable[NatsConnection]]
_JOIN_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds. Without progress for ``busy``, the loop counts as busy, and for ``dead`` as dead."""

    check: float = 2.0
    busy: float = RENEW_SECONDS
    renew: float = RENEW_SECONDS
    dead: float = 120.0


class LeaseThread:
    """The thread of the gateway ``gateway``. ``connect`` opens its connection, when it is first needed."""

    def __init__(self, connect: Connect, gateway: str, timing: Timing = Timing()) -> None:
        self._connect = connect
        self._subject = lease_subject(gateway)
        self._timing = timing
        self._progress_at = time.monotonic()
        self._stop = threading.Event()
        self._wake: Callable[[], object] = lambda: None
        self.renewals = 0
        """How often the thread has renewed the lease."""
        self.given_up = False
        """Whether the event loop counts as dead now."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the thread, and tell it that this event loop makes progress."""
        thread = threading.Thread(target=self._run, name="lease", daemon=True)
        progress = asyncio.create_task(self._report_progress())
        thread.start()
        try:
            yield
        finally:
            progress.cancel()
            self._stop.set()
            with suppress(RuntimeError):  # the thread has ended already
                self._wake()
            await asyncio.to_thread(thread.join, _JOIN_SECONDS)

    async def _report_progress(self) -> None:
        while True:
            self._progress_at = time.monotonic()
            await ticks.sleep(self._timing.check / 2)

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        connection: NatsConnection | None = None
        renewed_at = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            idle = now - self._progress_at
            self.given_up = idle > self._timing.dead
            if idle > self._timing.busy and not self.given_up and now - renewed_at >= self._timing.renew:
                renewed_at = now
                connection = await self._renew(connection, idle)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.check):
                    await woken.wait()
        if connection is not None:
            await connection.close()

    async def _renew(self, connection: NatsConnection | None, idle: float) -> NatsConnection | None:
        """Renew the lease once. Returns the connection, if there is one."""
        log.warning("the event loop has been busy for %.0f s; the lease is renewed without it", idle)
        with suppress(UnavailableError, BrokerUnusableError):  # tried again after the next interval
            if connection is None:
                connection = await self._connect()
            await store(connection, self._subject, b"")
            self.renewals += 1
        return connection
