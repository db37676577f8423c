"""A clock that follows the broker's, independent of this machine's wall clock."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.errors import UnavailableError
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog

_SYNC_INTERVAL_SECONDS = 5.0
_TOLERANCE_SECONDS = 1.0
"""A smaller difference from the broker's clock is ignored."""

log = logging.getLogger(__name__)


def monotonic_seconds() -> float:
    """A monotonic time in seconds that, where the system supports it, includes the time in suspend."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class BrokerClock:
    """The current UTC time, unaffected by steps of the machine's wall clock.

    Stored deadlines are wall-clock times, and the broker's clock triggers the timers. So this clock counts
    monotonically from the machine's time at the start, and is corrected when the broker's differs.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        self._failures = FailureLog(log, "reading the broker's clock", level=logging.INFO)

    def __call__(self) -> datetime:
        """The current time, in UTC."""
        return datetime.fromtimestamp(self._monotonic() + self._offset, UTC)

    async def start(self, broker: NatsConnection, stream: str) -> None:
        """Sync for the first time. Until then this clock is the machine's, which may be wrong.

        Raises:
            UnavailableError: the broker did not reply.
        """
        if not await self.sync(broker, stream):
            raise UnavailableError("the broker's clock can't be read")

    async def sync(self, broker: NatsConnection, stream: str) -> bool:
        """Read the broker's clock from the info of ``stream`` and apply it. Returns whether it replied."""
        sent_at = self._monotonic()
        try:
            reply = await broker.client.request(
                f"$JS.API.STREAM.INFO.{stream}", b"", timeout=REQUEST_TIMEOUT_SECONDS
            )
            broker_time = datetime.fromisoformat(json.loads(reply.data)["ts"]).timestamp()
        except (NatsError, TimeoutError, KeyError, ValueError) as error:
            self._failures.failed(describe(error))
            return False
        self._failures.succeeded()
        self.apply_sample(broker_time, sent_at, self._monotonic())
        return True

    def apply_sample(self, broker_time: float, sent_at: float, received_at: float) -> None:
        """Correct this clock by one reading of the broker's.

        ``broker_time``: a UNIX time, read by the broker between the monotonic times ``sent_at`` and
        ``received_at``; all in seconds.
        """
        lowest, highest = broker_time - received_at, broker_time - sent_at
        difference = max(self._offset - highest, lowest - self._offset)
        if difference > _TOLERANCE_SECONDS:
            log.warning("the clock differs from the broker's by %.1f s; corrected", difference)
            self._offset = (lowest + highest) / 2

    async def run(self, broker: NatsConnection, stream: str) -> None:
        """Sync periodically until cancelled."""
        while True:
            await ticks.sleep(_SYNC_INTERVAL_SECONDS)
            if broker.connected:
                await self.sync(broker, stream)
