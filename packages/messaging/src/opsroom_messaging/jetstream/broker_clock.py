"""The time of day as the broker has it, whatever becomes of this machine's clock."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from nats.errors import Error as NatsError

from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe

_EVERY_SECONDS = 5.0
_WRONG_SECONDS = 1.0
"""What the broker's clock may differ by before it is believed instead: an answer takes its time."""

log = logging.getLogger(__name__)


def monotonic_seconds() -> float:
    """Seconds that only ever pass; where the system tells, those in which the machine slept too."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class BrokerClock:
    """The time of day that does not step when the machine's clock does.

    Deadlines are stored as times of day, and the broker's clock is the one that timers run by. So time is
    counted on from what this machine said at the start, and set right by the broker where the two differ.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._steady = steady
        self._offset = wall() - steady()

    def __call__(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.fromtimestamp(self._steady() + self._offset, UTC)

    async def sync(self, broker: NatsConnection, stream: str) -> None:
        """Hear what the broker's clock says, and be set right by it; a silent broker changes nothing."""
        asked = self._steady()
        try:
            answer = await broker.client.request(
                f"$JS.API.STREAM.INFO.{stream}", b"", timeout=REQUEST_TIMEOUT_SECONDS
            )
            told = datetime.fromisoformat(json.loads(answer.data)["ts"]).timestamp()
        except (NatsError, TimeoutError, KeyError, ValueError) as error:
            log.info("the broker's clock can't be read: %s", describe(error))
        else:
            self.apply_sample(told, asked, self._steady())

    def apply_sample(self, told: float, asked: float, answered: float) -> None:
        """The broker's clock said ``told`` between two moments of the steady clock, all in seconds."""
        least, most = told - answered, told - asked
        wrong = max(self._offset - most, least - self._offset)
        if wrong > _WRONG_SECONDS:
            log.warning("the clock is %.1f s away from the broker's, and is set right", wrong)
            self._offset = (least + most) / 2

    async def run(self, broker: NatsConnection, stream: str) -> None:
        """Ask every few seconds until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            if broker.connected:
                await self.sync(broker, stream)
