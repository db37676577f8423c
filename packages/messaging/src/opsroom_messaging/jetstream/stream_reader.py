"""Reading stored messages by subject or sequence, without a consumer."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection
from opsroom_messaging.client.unsubscribe import unsubscribe_quietly
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_epoch import epoch_of

_NO_MESSAGE = 10037
_END_OF_BATCH = frozenset({"204", "404"})
"""Status of the message that ends a batch: after the last message, or if there was none."""
_REPLICA_RETRY_SECONDS = 0.1
_KV_OPERATION, _KV_MARKER = "KV-Operation", "Nats-Marker-Reason"
"""Headers of a deleted key: of a delete or purge, and of the broker's marker for an expired value."""
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message of a stream.

    Attributes:
        seq: its stream sequence.
        pending: how many more messages the consumer, or the read, had when this one was delivered.
        at: when the broker stored it, by the broker's clock.
        deleted: whether this is a tombstone of a key-value bucket, so that the key has no value.
        deliveries: how often a worker was given it, this time included.
    """

    seq: int
    subject: str
    data: bytes
    pending: int = 0
    at: datetime = _EPOCH
    deleted: bool = False
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """The first and last sequence of a stream, and its epoch; in an empty stream, first = last + 1."""

    first: int
    last: int
    epoch: str | None = None


class StreamReader:
    """Reads a stream without a consumer."""

    def __init__(self, broker: NatsConnection, stream: str) -> None:
        self._broker = broker
        self._stream = stream

    async def last(self, subject: str) -> StreamMessage | None:
        """The last message on ``subject``, read from the stream's leader, or None.

        Raises:
            UnavailableError: no reply.
        """
        try:
            stored = await self._broker.jetstream.get_last_msg(self._stream, subject)
        except (JetStreamError, NatsError, TimeoutError) as error:
            if isinstance(error, NotFoundError) and error.err_code == _NO_MESSAGE:
                return None
            raise UnavailableError(f"reading {subject}: {error}") from error
        return StreamMessage(
            stored.seq or 0, stored.subject or subject, stored.data or b"", at=stored.time or _EPOCH
        )

    async def at(self, seq: int) -> StreamMessage | None:
        """The message at ``seq``, read from the stream's leader, or None if it does not exist.

        Raises:
            UnavailableError: no reply.
        """
        try:
            stored = await self._broker.jetstream.get_msg(self._stream, seq)
        except (JetStreamError, NatsError, TimeoutError) as error:
            if isinstance(error, NotFoundError) and error.err_code == _NO_MESSAGE:
                return None
            raise UnavailableError(f"reading {seq} of {self._stream}: {error}") from error
        return StreamMessage(seq, stored.subject or "", stored.data or b"", at=stored.time or _EPOCH)

    async def bounds(self) -> Bounds:
        """The current first and last sequence, and the epoch.

        Raises:
            UnavailableError: no reply.
        """
        try:
            info = await self._broker.jetstream.stream_info(self._stream)
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"reading the bounds of {self._stream}: {error}") from error
        return Bounds(max(info.state.first_seq, 1), info.state.last_seq, epoch_of(info))

    async def count(self, subject: str, *, start: int) -> int:
        """How many messages match ``subject`` from sequence ``start`` on, without reading them.

        Any replica may reply, so the newest messages may not be counted yet.

        Raises:
            UnavailableError: no reply.
        """
        first = await self._read_batch(subject, start=start, count=1)
        return first[0].pending + 1 if first else 0

    async def page(self, subject: str, *, start: int, count: int) -> list[StreamMessage]:
        """Up to ``count`` messages that match ``subject``, from sequence ``start`` on, ascending.

        Returns fewer only if the leader has no more. Any replica may serve a read, and a replica without a
        connection to the leader may lack messages, so a short page is checked with the leader.

        Raises:
            UnavailableError: no reply, or only incomplete ones.
        """
        messages: list[StreamMessage] = []
        deadline = asyncio.get_running_loop().time() + REQUEST_TIMEOUT_SECONDS
        while True:
            messages += await self._read_batch(subject, start=start, count=count - len(messages))
            start = messages[-1].seq + 1 if messages else max(start, 1)
            if len(messages) >= count or not await self._leader_has_more(subject, start):
                return messages
            if asyncio.get_running_loop().time() > deadline:
                raise UnavailableError(f"reading {self._stream}: only lagging replicas reply")
            await asyncio.sleep(_REPLICA_RETRY_SECONDS)

    async def last_of(self, subjects: Sequence[str], *, up_to: int) -> list[StreamMessage]:
        """Return the last message of each of ``subjects`` up to a sequence, if there is one, ascending.

        ``subjects``: a few hundred at most, without wildcards. Any replica may serve the read, so a message
        that has just been stored may be missing: use it for what is past.

        Raises:
            UnavailableError: no reply.
        """
        return await self._batch({"multi_last": list(subjects), "up_to_seq": up_to})

    async def _leader_has_more(self, subject: str, start: int) -> bool:
        """Whether the leader has a message that matches ``subject`` from ``start`` on."""
        try:
            await self._broker.jetstream.get_msg(self._stream, seq=start, subject=subject, next=True)
        except (JetStreamError, NatsError, TimeoutError) as error:
            if isinstance(error, NotFoundError) and error.err_code == _NO_MESSAGE:
                return False
            raise UnavailableError(f"reading {self._stream} from {start}: {error}") from error
        return True

    async def _read_batch(self, subject: str, *, start: int, count: int) -> list[StreamMessage]:
        return await self._batch({"seq": max(start, 1), "batch": count, "next_by_subj": subject})

    async def _batch(self, query: Mapping[str, int | str | list[str]]) -> list[StreamMessage]:
        client, batch = self._broker.client, _Batch()
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=batch.on_message)
        try:
            await client.publish(
                f"$JS.API.DIRECT.GET.{self._stream}", json.dumps(query).encode(), reply=inbox
            )
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                return await batch.complete
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"reading {self._stream}: {error}") from error
        finally:
            await unsubscribe_quietly(subscription)


class _Batch:
    """The messages of one batch, up to its end marker.

    A callback takes all that has arrived in one turn of the event loop. The client's iterator takes several
    turns for each message, and in a busy process each of them is long.
    """

    def __init__(self) -> None:
        self.complete: asyncio.Future[list[StreamMessage]] = asyncio.get_running_loop().create_future()
        self._messages: list[StreamMessage] = []

    async def on_message(self, message: Msg) -> None:
        if self.complete.done():
            return
        headers: Mapping[str, str] = message.headers or {}
        status = headers.get("Status")
        if status in _END_OF_BATCH:
            self.complete.set_result(self._messages)
        elif status is not None:
            reason = f"the broker returned {status} {headers.get('Description', '')}".rstrip()
            self.complete.set_exception(UnavailableError(reason))
        else:
            self._messages.append(_message_of(message, headers))


def _message_of(message: Msg, headers: Mapping[str, str]) -> StreamMessage:
    return StreamMessage(
        int(headers["Nats-Sequence"]),
        headers["Nats-Subject"],
        message.data,
        pending=int(headers["Nats-Num-Pending"]),
        at=datetime.fromisoformat(headers["Nats-Time-Stamp"]),
        deleted=_KV_OPERATION in headers or _KV_MARKER in headers,
    )
