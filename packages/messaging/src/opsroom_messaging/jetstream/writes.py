"""Single messages to store, and their atomic publication."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.js.api import Header

from opsroom_contracts.serialization.model import rfc3339
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.errors import ConflictError, NoRoomError, RejectedError, UnavailableError
from opsroom_messaging.jetstream.write_health import (
    NO_ROOM_CODES,
    ROLLUP_SUBJECT,
    WRONG_LAST_SEQUENCE_CODES,
)
from opsroom_runtime.metrics import SIZES, Metrics, single

_TRANSIENT = frozenset({10047, 10176, 10210, 10211})
"""Transient errors: no space left, the batch started under a previous leader, too many open batches."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Publish the message on ``target`` (a subject of the same stream) at ``at``, with a TTL in seconds."""

    at: datetime
    target: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Write:
    """One message to store.

    Attributes:
        expected: the expected last sequence of the subject; 0: the subject must be empty.
        ttl: seconds until the message expires.
        replaces: whether it removes all earlier messages of the subject, durably. What a stream's limit
            for each subject removes comes back if this message expires and the broker then crashes
            (decision 0049).
        trace: trace context headers.
    """

    subject: str
    payload: bytes
    expected: int | None = None
    ttl: int | None = None
    schedule: Schedule | None = None
    replaces: bool = False
    trace: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """The NATS headers for all attributes but the payload."""
        headers = dict(self.trace)
        if self.expected is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(self.expected)
        if self.ttl is not None:
            headers[Header.MSG_TTL] = f"{self.ttl}s"
        if self.replaces:
            headers[Header.ROLLUP] = ROLLUP_SUBJECT
        if self.schedule is not None:
            headers[Header.SCHEDULE] = f"@at {rfc3339(self.schedule.at)}"
            headers[Header.SCHEDULE_TARGET] = self.schedule.target
            headers[Header.SCHEDULE_TTL] = f"{self.schedule.ttl}s"
        return headers


class WritePublisher:
    """Publishes writes and reads the broker's replies."""

    def __init__(self, broker: NatsConnection) -> None:
        self._broker = broker

    async def store(self, write: Write) -> int:
        """Store one message and return its sequence.

        Raises:
            ConflictError, UnavailableError, NoRoomError, RejectedError: as ``BatchWriter.write``.
        """
        ack = await self._request(write.subject, write.payload, write.headers())
        return int(ack["seq"])

    async def store_together(self, writes: Sequence[Write]) -> tuple[int, ...]:
        """Store messages atomically, one after another, and return their sequences.

        An expected sequence is that before the batch. So of several writes on one subject, only the first
        may have one.

        Raises:
            ConflictError, UnavailableError, NoRoomError, RejectedError: as ``BatchWriter.write``.
        """
        batch_id = uuid4().hex
        last = len(writes)
        try:
            for number, write in enumerate(writes[:-1], start=1):
                headers = {
                    Header.BATCH_ID.value: batch_id,
                    Header.BATCH_SEQUENCE.value: str(number),
                    **write.headers(),
                }
                await self._broker.client.publish(write.subject, write.payload, headers=headers)
        except NatsError as error:
            raise UnavailableError(f"writing a batch: {error}") from error
        headers = {
            Header.BATCH_ID.value: batch_id,
            Header.BATCH_SEQUENCE.value: str(last),
            Header.BATCH_COMMIT.value: "1",
            **writes[-1].headers(),
        }
        ack = await self._request(writes[-1].subject, writes[-1].payload, headers)
        final = int(ack["seq"])
        return tuple(range(final - last + 1, final + 1))

    async def _request(self, subject: str, payload: bytes, headers: dict[str, str]) -> dict[str, int]:
        try:
            reply = await self._broker.client.request(
                subject, payload, timeout=REQUEST_TIMEOUT_SECONDS, headers=headers
            )
        except (NatsError, TimeoutError) as error:
            self._broker.notify_write_failed(subject)
            raise UnavailableError(f"writing {subject}: {describe(error)}") from error
        ack = json.loads(reply.data)
        failure = ack.get("error")
        if failure is None:
            return dict(ack)
        if failure.get("err_code") in WRONG_LAST_SEQUENCE_CODES:
            raise ConflictError(subject)
        description = f"{subject}: {failure.get('description')} ({failure.get('err_code')})"
        if failure.get("code") == 503 or failure.get("err_code") in _TRANSIENT:
            self._broker.notify_write_failed(subject)
            no_room = failure.get("err_code") in NO_ROOM_CODES
            raise NoRoomError(description) if no_room else UnavailableError(description)
        log.error("the broker rejected a write on %s", description)
        raise RejectedError(description)


class StoreStatistics:
    """The metrics of writers.

    ``waiting``: returns how many entries are queued.

    Attributes:
        latency: seconds until a write was stored, by the prefix of its subject.
        batch_sizes: entries stored in one batch.
    """

    def __init__(self, metrics: Metrics, waiting: Callable[[], int]) -> None:
        self.latency = metrics.histogram(
            "store_seconds", "Time until the broker stored a write.", ("subject",)
        )
        self.batch_sizes = metrics.histogram(
            "store_group_entries", "Entries stored in one batch.", bounds=SIZES
        )
        metrics.gauge("store_waiting", "Entries that are queued to be stored.", single(waiting))


def subject_prefix(subject: str) -> str:
    """Return the first two tokens of a subject: the type of what is stored, without its id."""
    return ".".join(subject.split(".", 2)[:2])
