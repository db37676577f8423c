"""Removal of superseded messages that a release before decision 0049 left in a stream.

Such a release writes records that do not replace earlier ones of their subject. If one of them expires, the
one before it comes back.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import Header, RawStreamMsg
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.errors import ConflictError, UnavailableError
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write

_ANY_SUBJECT = ">"


class SupersededMessages:
    """Removes all but the last message of each subject of a stream, durably."""

    def __init__(
        self, broker: NatsConnection, stream: str, writer: BatchWriter, clock: Callable[[], datetime]
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._writer = writer
        self._clock = clock

    async def remove(self) -> None:
        """Store the last message of each such subject again, so that it replaces the earlier ones.

        Raises:
            UnavailableError: no reply; call it again later.
        """
        state = (await self._info({}))["state"]
        if state["messages"] <= state.get("num_subjects", 0):  # an empty stream has no such field
            return  # the usual case
        for subject in await self._crowded():
            await self._replace(subject)

    async def _crowded(self) -> list[str]:
        """The subjects with several messages."""
        found: list[str] = []
        seen = 0
        while True:
            info = await self._info({"subjects_filter": _ANY_SUBJECT, "offset": seen})
            counts: dict[str, int] = info["state"].get("subjects") or {}
            found += [subject for subject, count in counts.items() if count > 1]
            seen += len(counts)
            if not counts or seen >= info.get("total", 0):
                return found

    async def _replace(self, subject: str) -> None:
        try:
            last = await self._broker.jetstream.get_last_msg(self._stream, subject)
        except NotFoundError:
            return
        except (JetStreamError, NatsError, TimeoutError) as error:
            raise UnavailableError(f"reading {subject}: {describe(error)}") from error
        try:
            ttl = _seconds_left(last, self._clock())
        except ValueError:
            return  # not a record of ours: their TTLs are in seconds
        write = Write(subject, last.data or b"", expected=last.seq, ttl=ttl, replaces=True)
        try:
            await self._writer.write(write)
        except ConflictError:
            return  # a newer one has replaced it, or the next round does this

    async def _info(self, query: dict[str, Any]) -> dict[str, Any]:
        try:
            reply = await self._broker.client.request(
                f"$JS.API.STREAM.INFO.{self._stream}",
                json.dumps(query).encode(),
                timeout=REQUEST_TIMEOUT_SECONDS,
            )
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"looking at {self._stream}: {describe(error)}") from error
        info: dict[str, Any] = json.loads(reply.data)
        if "error" in info:
            raise UnavailableError(f"looking at {self._stream}: {info['error'].get('description')}")
        return info


def _seconds_left(message: RawStreamMsg, now: datetime) -> int | None:
    """Return after how many seconds the message expires, at least 1; None: never.

    Raises:
        ValueError: its TTL is not a number of seconds.
    """
    ttl = (message.headers or {}).get(Header.MSG_TTL)
    if ttl is None or message.time is None:
        return None
    return max(1, int((message.time + timedelta(seconds=int(ttl.removesuffix("s"))) - now).total_seconds()))
