"""Probe writes of a service: one every few seconds, and others where a write of the service has failed."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from uuid import uuid4

from nats.js.api import Header

from opsroom_contracts import subjects
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.write_health import ROLLUP_SUBJECT, WriteHealth
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog

_INTERVAL_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_HEADERS = {Header.MSG_TTL.value: "1s", Header.ROLLUP.value: ROLLUP_SUBJECT}

log = logging.getLogger(__name__)


class WriteProbe:
    """Writes to see whether writes land.

    Every few seconds it writes to the stream ``PROBES``, whose only content this is: probes in the other
    streams would use up their sequences. If a write of the service to one of those has failed, or did so
    earlier, the probe writes there, too, until a write lands again. Such a probe expires at once.

    ``suspects``: for each of the service's streams a subject that nobody reads.
    ``exists``: whether the stream ``PROBES`` exists. A broker with the permissions of an older release
    allows none.
    """

    def __init__(
        self,
        broker: NatsConnection,
        service: str,
        suspects: Mapping[str, str],
        *,
        exists: Callable[[], bool],
    ) -> None:
        self._broker = broker
        self._subject = subjects.probe_subject(service, uuid4().hex)
        self._suspects = suspects
        self._exists = exists
        self._health = WriteHealth(broker)
        self._suspected: set[str] = set()
        self._wake = asyncio.Event()
        self._logs: dict[str, FailureLog] = {}
        broker.on_write_failure(self._suspect)
        broker.on_reconnect(self._wake.set)

    def _suspect(self, subject: str) -> None:
        stream = subjects.stream_of(subject)
        if stream is not None and stream in self._suspects:
            self._suspected.add(stream)
            self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self._wake.clear()
            if self._broker.connected:
                await self._round()
            await ticks.sleep(_RETRY_SECONDS)
            if not self._health.failing:
                try:
                    async with asyncio.timeout_at(ticks.next_tick(_INTERVAL_SECONDS - _RETRY_SECONDS)):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _round(self) -> None:
        targets = {
            stream: self._suspects[stream]
            for stream in self._suspected | set(self._health.failing)
            if stream in self._suspects
        }
        self._suspected.clear()
        if self._exists():
            self._health.expect(subjects.PROBES_STREAM)
            targets[subjects.PROBES_STREAM] = self._subject
        await asyncio.gather(*(self._probe(stream, subject) for stream, subject in targets.items()))

    async def _probe(self, stream: str, subject: str) -> None:
        headers = _HEADERS if stream != subjects.PROBES_STREAM else None
        landed = await self._health.probe(stream, subject, headers)
        failure_log = self._logs.setdefault(stream, FailureLog(log, f"writing to {stream}"))
        if landed:
            failure_log.succeeded()
        else:
            failure_log.failed(self._health.failing.get(stream, ""))
