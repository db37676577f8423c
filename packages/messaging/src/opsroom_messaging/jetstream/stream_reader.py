"""Messages as they lie in a stream, and reading them back by subject or by sequence."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection
from opsroom_messaging.client.unsubscribe import end


class UnavailableError(Exception):
    """The broker did not answer in time; whether it did what was asked is not known."""


_NO_MESSAGE = 10037
_END = frozenset({"204", "404"})
"""How the broker says that this was all, or that there was nothing."""
_LAG_SECONDS = 0.1
_KV_OPERATION, _KV_MARKER = "KV-Operation", "Nats-Marker-Reason"
"""Headers of what takes a key's value away: a delete or purge, and what the broker leaves of what ran out."""
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One message of a stream.

    ``pending``: how many more were there for the reader when it was sent; ``at``: when the broker stored
    it, by the broker's clock; ``gone``: a marker of a key-value bucket, which says that the key has no value.
    """

    seq: int
    subject: str
    data: bytes
    pending: int = 0
    at: datetime = _EPOCH
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """The first and last sequence that a stream holds; an empty stream has first = last + 1."""

    first: int
    last: int


class StreamReader:
    """Reads a stream without a consumer."""

    def __init__(self, broker: NatsConnection, stream: str) -> None:
        self._broker = broker
        self._stream = stream

    async def last(self, subject: str) -> StreamMessage | None:
        """The last message on ``subject``, as the stream's leader knows it, or None.

        Raises:
            UnavailableError: no answer.
        """
        try:
            found = await self._broker.jetstream.get_last_msg(self._stream, subject)
        except (JetStreamError, NatsError, TimeoutError) as error:
            if isinstance(error, NotFoundError) and error.err_code == _NO_MESSAGE:
                return None
            raise UnavailableError(f"reading {subject}: {error}") from error
        return StreamMessage(
            found.seq or 0, found.subject or subject, found.data or b"", at=found.time or _EPOCH
        )

    async def bounds(self) -> Bounds:
        """What the stream holds now.

        Raises:
            UnavailableError: no answer.
        """
        try:
            state = (await self._broker.jetstream.stream_info(self._stream)).state
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"asking for the bounds of {self._stream}: {error}") from error
        return Bounds(max(state.first_seq, 1), state.last_seq)

    async def page(self, subject: str, *, start: int, count: int) -> list[StreamMessage]:
        """Up to ``count`` messages that match ``subject``, from sequence ``start`` on, ascending.

        Fewer only where the stream's leader has no more: any copy of the stream may answer, and one that was
        cut off from the leader does not know what it lacks.

        Raises:
            UnavailableError: no answer, or none that is complete.
        """
        found: list[StreamMessage] = []
        deadline = asyncio.get_running_loop().time() + REQUEST_TIMEOUT_SECONDS
        while True:
            found += await self._part(subject, start=start, count=count - len(found))
            start = found[-1].seq + 1 if found else max(start, 1)
            if len(found) >= count or not await self._has_more(subject, start):
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise UnavailableError(f"reading {self._stream}: only copies that lag behind answer")
            await asyncio.sleep(_LAG_SECONDS)

    async def _has_more(self, subject: str, start: int) -> bool:
        """Whether the leader has a message that matches ``subject`` from ``start`` on."""
        try:
            await self._broker.jetstream.get_msg(self._stream, seq=start, subject=subject, next=True)
        except (JetStreamError, NatsError, TimeoutError) as error:
            if isinstance(error, NotFoundError) and error.err_code == _NO_MESSAGE:
                return False
            raise UnavailableError(f"reading {self._stream} from {start}: {error}") from error
        return True

    async def _part(self, subject: str, *, start: int, count: int) -> list[StreamMessage]:
        query = {"seq": max(start, 1), "batch": count, "next_by_subj": subject}
        client = self._broker.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        try:
            await client.publish(
                f"$JS.API.DIRECT.GET.{self._stream}", json.dumps(query).encode(), reply=inbox
            )
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                return await _collect(subscription.messages.__anext__)
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"reading {self._stream} from {start}: {error}") from error
        finally:
            await end(subscription)


async def _collect(receive: object) -> list[StreamMessage]:
    found: list[StreamMessage] = []
    while True:
        message: Msg = await receive()  # type: ignore[operator]
        headers: Mapping[str, str] = message.headers or {}
        status = headers.get("Status")
        if status in _END:
            return found
        if status is not None:
            raise UnavailableError(f"the broker answered {status} {headers.get('Description', '')}".rstrip())
        at = datetime.fromisoformat(headers["Nats-Time-Stamp"])
        gone = _KV_OPERATION in headers or _KV_MARKER in headers
        found.append(
            StreamMessage(
                int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data, at=at, gone=gone
            )
        )
