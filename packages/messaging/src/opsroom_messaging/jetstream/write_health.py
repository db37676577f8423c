"""Whether writes land: the state of each stream that this process writes to, and its metrics.

A broker without disk space sends no reply to a write, while everything else works. Once a write to a stream
has failed for that reason, the broker refuses all further ones until it is restarted. So only a write that
lands shows that a process can do its work.
"""

import asyncio
import json
import time
from collections.abc import Mapping

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import Error as JetStreamError

from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import ConflictError, NoRoomError, UnavailableError
from opsroom_runtime.metrics import Labels

PROBE_TIMEOUT_SECONDS = 3.0
PROBE_BYTES = 8192
"""More than a page of the disk: a smaller write may land on a full disk, in the last page of a file."""
ROLLUP_SUBJECT = "sub"
"""Value of the rollup header: the broker removes all earlier messages of the subject, durably."""
NO_ROOM_CODES = frozenset({10023, 10047})
"""The broker's error codes for a reached limit of storage."""
WRONG_LAST_SEQUENCE_CODES = frozenset({10071, 10164})
"""The broker's error codes for a write whose expected last sequence did not match."""
_INFO_SECONDS = 1.0
_DISK_FULL = "the broker replies, but stores nothing: its disk may be full"
STALE_SECONDS = 20.0
"""A process that writes periodically is not ready if no write has landed for this long."""


class NoReplyError(UnavailableError):
    """The broker sent no reply to a write."""


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
            self._failing[stream] = await self._reason(stream, error)
            return False
        self._broker.full_streams.discard(stream)
        self._failing.pop(stream, None)
        self._landed_at[stream] = time.time()
        self._monotonic[stream] = time.monotonic()
        return True

    async def _reason(self, stream: str, error: UnavailableError) -> str:
        """Return why a write did not land, and note whether there is no room."""
        no_room = isinstance(error, NoRoomError) or await self._stores_nothing(stream, error)
        if not no_room:
            self._broker.full_streams.discard(stream)
            return str(error)
        self._broker.full_streams.add(stream)
        return str(error) if isinstance(error, NoRoomError) else _DISK_FULL

    async def _stores_nothing(self, stream: str, error: UnavailableError) -> bool:
        """Return whether the broker does everything but writes, as with a full disk.

        A stream without a leader, and a stalled broker, send no information about the stream either.
        """
        if not isinstance(error, NoReplyError):
            return False
        try:
            async with asyncio.timeout(_INFO_SECONDS):
                await self._broker.jetstream.stream_info(stream)
        except (JetStreamError, NatsError, TimeoutError):
            return False
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
) -> int:
    """Store one message, without a retry, and return its sequence.

    Raises:
        ConflictError: an expected sequence did not match.
        UnavailableError: it did not land within ``PROBE_TIMEOUT_SECONDS``, for the reason in the message.
        NoRoomError: the broker's storage limit is reached.
    """
    if not broker.connected:
        raise UnavailableError("the broker is not connected")
    try:
        reply = await broker.client.request(subject, payload, timeout=PROBE_TIMEOUT_SECONDS, headers=headers)
        answer = json.loads(reply.data)
        failure = answer.get("error")
    except NoRespondersError:
        raise UnavailableError("the stream does not exist") from None
    except (NatsError, TimeoutError):
        raise NoReplyError("the broker does not reply") from None
    except ValueError as error:
        raise UnavailableError(f"the broker's reply can't be read: {error}") from error
    if failure is not None:
        if failure.get("err_code") in WRONG_LAST_SEQUENCE_CODES:
            raise ConflictError(subject)
        kind = NoRoomError if failure.get("err_code") in NO_ROOM_CODES else UnavailableError
        raise kind(f"{failure.get('description')} ({failure.get('err_code')})")
    return int(answer["seq"])
