"""Starting a process: connect to the broker and retry until everything that is needed exists.

Processes start in any order. The broker may not listen yet, may have no leader, or may lack the streams that
another process creates. A process does not exit for these reasons unless they last longer than
``START_WAIT_SECONDS``.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import NatsConnection, connect, describe
from opsroom_messaging.errors import BrokerUnavailableError, UnavailableError
from opsroom_messaging.settings import BrokerSettings
from opsroom_runtime.spans import Tracer

_ATTEMPT_SECONDS = 5.0
"""The timeout of one attempt, and the interval at which the same reason is logged again."""
_RETRY_SECONDS = 0.5

log = logging.getLogger(__name__)

ServiceT = TypeVar("ServiceT")
StartService = Callable[[NatsConnection], AbstractAsyncContextManager[ServiceT]]


@asynccontextmanager
async def start_when_ready(
    settings: BrokerSettings, name: str, tracer: Tracer, start: StartService[ServiceT]
) -> AsyncIterator[tuple[NatsConnection, ServiceT]]:
    """Connect as ``name`` and enter ``start``; yields the connection and what ``start`` yields.

    After a temporary error, everything is retried with a new connection, so that nothing of a failed attempt
    remains.

    Raises:
        BrokerUnavailableError: still failing after ``settings.start_wait_seconds``.
        BrokerUnusableError: a retry won't help.
    """
    retry = _StartRetry(settings.start_wait_seconds)
    async with AsyncExitStack() as stack:
        while True:
            async with AsyncExitStack() as attempt:
                try:
                    broker = await connect(
                        settings.nats_url,
                        name=name,
                        credentials=settings.credentials(),
                        tracer=tracer,
                        timeout=_ATTEMPT_SECONDS,
                    )
                    attempt.push_async_callback(broker.close)
                    service = await attempt.enter_async_context(start(broker))
                except (BrokerUnavailableError, UnavailableError, NatsError, TimeoutError) as error:
                    retry.on_failure(error)
                else:
                    stack.push_async_exit(attempt.pop_all())
                    break
            await asyncio.sleep(_RETRY_SECONDS)
        yield broker, service


class _StartRetry:
    """The time limit of a start, and the log lines about its failed attempts."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._time = asyncio.get_running_loop().time
        self._started_at = self._time()
        self._last_logged: tuple[str, float] | None = None

    def on_failure(self, error: Exception) -> None:
        """Log the reason of a failed attempt, unless the same was logged recently.

        Raises:
            BrokerUnavailableError: the time limit is exceeded.
        """
        now, reason = self._time(), describe(error)
        waited = now - self._started_at
        if waited >= self._limit:
            limit = f"gave up after {self._limit:g} s (START_WAIT_SECONDS)"
            raise BrokerUnavailableError(f"{reason}; {limit}") from error
        last = self._last_logged
        if last is None or last[0] != reason or now - last[1] >= _ATTEMPT_SECONDS:
            self._last_logged = (reason, now)
            log.warning(
                "waiting to start: %s; %.0f s of %g s (START_WAIT_SECONDS)", reason, waited, self._limit
            )
