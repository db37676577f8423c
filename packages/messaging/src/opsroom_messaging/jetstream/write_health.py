"""Whether writes land: the state of each stream that this process writes to, and its metrics.

A broker without disk space sends no reply to a write, while everything else works. Once a write to a stream
has failed for that reason, the broker refuses all further ones until it is restarted. So only a write that
lands shows that a process can do its work.
"""

import json
import time
from collections.abc import Mapping

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_runtime.metrics import Labels

PROBE_TIMEOUT_SECONDS = 3.0
PROBE_BYTES = 8192
"""More than a page of the disk: a smaller write may land on a full disk, in the last page of a file."""
STALE_SECONDS = 20.0
"""A process that writes periodically is not ready if no write has landed for this long."""


class WriteHealth:
    """The outcomes of probe writes, by stream."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker
        self._landed_at: dict[str, float] = {}
        self._monotonic: dict[str, float] = {}
        self._failing: dict[str, str] = {}
        self._periodic: set[str] = set()
        metrics = broker.metrics
        metrics.gauge(
            "writes_failing",
            "1 while writes to the stream do not land.",
            self._failing_streams,
            ("stream",),
        )
        metrics.gauge(
            "write_landed_timestamp_seconds",
            "When a write to the stream was last seen to land, as a UNIX time.",
            lambda: {(stream,): at for stream, at in self._landed_at.items()},
            ("stream",),
        )
        broker.readiness.add(self.problem)

    def expect(self, stream: str) -> None:
        """Expect a write to ``stream`` to land every few seconds from now on."""
        self._periodic.add(stream)
        self._monotonic.setdefault(stream, time.monotonic())

    @property
    def failing(self) -> Mapping[str, str]:
        """The streams whose writes do not land, and why."""
        return self._failing

    async def probe(self, stream: str, subject: str, headers: dict[str, str] | None = None) -> bool:
        """Write to ``subject`` of ``stream``. Returns whether that landed, and notes it."""
        try:
            await store(self._broker, subject, bytes(PROBE_BYTES), headers)
        except UnavailableError as error:
            self._failing[stream] = str(error)
            return False
        self._failing.pop(stream, None)
        self._landed_at[stream] = time.time()
        self._monotonic[stream] = time.monotonic()
        return True

    def problem(self) -> str | None:
        """Why this process's writes do not land; None if they do."""
        if self._failing:
            streams, reasons = sorted(self._failing), sorted(set(self._failing.values()))
            return f"writes to {', '.join(streams)} do not land: {'; '.join(reasons)}"
        for stream in self._periodic:
            age = time.monotonic() - self._monotonic[stream]
            if age > STALE_SECONDS:
                return f"no write to {stream} has landed for {age:.0f} s"
        return None

    def _failing_streams(self) -> Mapping[Labels, float]:
        streams = {*self._landed_at, *self._failing}
        return {(stream,): float(stream in self._failing) for stream in streams}


async def store(
    broker: NatsConnection, subject: str, payload: bytes, headers: dict[str, str] | None = None
) -> None:
    """Store one message, without a retry.

    Raises:
        UnavailableError: it did not land within ``PROBE_TIMEOUT_SECONDS``, for the reason in the message.
    """
    if not broker.connected:
        raise UnavailableError("the broker is not connected")
    try:
        reply = await broker.client.request(subject, payload, timeout=PROBE_TIMEOUT_SECONDS, headers=headers)
        failure = json.loads(reply.data).get("error")
    except NoRespondersError:
        raise UnavailableError("the stream does not exist") from None
    except (NatsError, TimeoutError):
        raise UnavailableError("the broker does not reply") from None
    except ValueError as error:
        raise UnavailableError(f"the broker's reply can't be read: {error}") from error
    if failure is not None:
        raise UnavailableError(f"{failure.get('description')} ({failure.get('err_code')})")
