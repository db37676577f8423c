"""How a process begins its work: it waits for what the work needs, and says so meanwhile.

Processes start in any order. The broker may not listen yet, may have no leader, or may lack the streams that
another process makes. None of this is a reason to exit, as long as it passes within ``START_WAIT_SECONDS``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import BrokerUnavailableError, NatsConnection, connect, describe
from opsroom_messaging.jetstream.stream_reader import UnavailableError
from opsroom_messaging.runtime.settings import BrokerSettings
from opsroom_messaging.runtime.tracing import Tracer

_ATTEMPT_SECONDS = 5.0
"""The longest attempt to connect, and the shortest time between two log lines with the same reason."""
_PAUSE_SECONDS = 0.5

log = logging.getLogger(__name__)

WorkT = TypeVar("WorkT")
Work = Callable[[NatsConnection], AbstractAsyncContextManager[WorkT]]


@asynccontextmanager
async def started(
    settings: BrokerSettings, name: str, traces: Tracer, work: Work[WorkT]
) -> AsyncIterator[tuple[NatsConnection, WorkT]]:
    """Connect as ``name`` and enter ``work``; yields the broker and what ``work`` yields.

    An attempt that fails because something is missing for the moment is repeated from the beginning, with a
    new connection, so that nothing of a failed attempt is left over.

    Raises:
        BrokerUnavailableError: something is still missing after ``settings.start_wait_seconds``.
        BrokerUnusableError: waiting would not help.
    """
    wait = _Wait(settings.start_wait_seconds)
    async with AsyncExitStack() as stack:
        while True:
            async with AsyncExitStack() as attempt:
                try:
                    broker = await connect(
                        settings.nats_url,
                        name=name,
                        access=settings.credentials(),
                        traces=traces,
                        timeout=_ATTEMPT_SECONDS,
                    )
                    attempt.push_async_callback(broker.close)
                    at_work = await attempt.enter_async_context(work(broker))
                except (BrokerUnavailableError, UnavailableError, NatsError, TimeoutError) as error:
                    wait.after(error)
                else:
                    stack.push_async_exit(attempt.pop_all())
                    break
            await asyncio.sleep(_PAUSE_SECONDS)
        yield broker, at_work


class _Wait:
    """How long a start has waited and may still wait."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._time = asyncio.get_running_loop().time
        self._began = self._time()
        self._said: tuple[str, float] | None = None

    def after(self, error: Exception) -> None:
        """Log why the attempt failed.

        Raises:
            BrokerUnavailableError: the time is up.
        """
        now, reason = self._time(), describe(error)
        waited = now - self._began
        if waited >= self._limit:
            limit = f"gave up after {self._limit:g} s (START_WAIT_SECONDS)"
            raise BrokerUnavailableError(f"{reason}; {limit}") from error
        if self._said is None or self._said[0] != reason or now - self._said[1] >= _ATTEMPT_SECONDS:
            self._said = (reason, now)
            log.warning(
                "waiting to start: %s; %.0f s of %g s (START_WAIT_SECONDS)", reason, waited, self._limit
            )
