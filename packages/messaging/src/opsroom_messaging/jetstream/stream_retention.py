"""Dropping the oldest messages of a stream by a decision of its service, in place of the broker's limits."""

import json
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError

from opsroom_contracts.serialization.model import rfc3339
from opsroom_messaging.client.connection import REQUEST_TIMEOUT_SECONDS, NatsConnection, describe
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import Bounds, StreamReader

_NO_MESSAGE = 10037


class StreamRetention:
    """Finds and drops the old messages of one stream."""

    def __init__(self, broker: NatsConnection, stream: str) -> None:
        self._broker = broker
        self._stream = stream
        self._reader = StreamReader(broker, stream)

    async def bounds(self) -> Bounds:
        """The current first and last sequence.

        Raises:
            UnavailableError: no reply.
        """
        return await self._reader.bounds()

    async def first_since(self, moment: datetime) -> int | None:
        """The sequence of the first message stored at ``moment`` or later, or None; asks the leader.

        Raises:
            UnavailableError: no reply.
        """
        query = {"start_time": rfc3339(moment), "next_by_subj": ">"}
        reply = await self._request(f"STREAM.MSG.GET.{self._stream}", query)
        failure = reply.get("error")
        if failure is None:
            return int(reply["message"]["seq"])
        if failure.get("err_code") == _NO_MESSAGE:
            return None
        raise UnavailableError(f"reading {self._stream}: {failure.get('description')}")

    async def drop_before(self, seq: int) -> int:
        """Drop all messages before ``seq``. Returns how many these were.

        Raises:
            UnavailableError: no reply, or the broker rejected it.
        """
        reply = await self._request(f"STREAM.PURGE.{self._stream}", {"seq": seq})
        failure = reply.get("error")
        if failure is not None:
            raise UnavailableError(f"purging {self._stream}: {failure.get('description')}")
        return int(reply.get("purged", 0))

    async def _request(self, name: str, query: dict[str, Any]) -> dict[str, Any]:
        try:
            reply = await self._broker.client.request(
                f"$JS.API.{name}", json.dumps(query).encode(), timeout=REQUEST_TIMEOUT_SECONDS
            )
        except (NatsError, TimeoutError) as error:
            raise UnavailableError(f"requesting {name}: {describe(error)}") from error
        result: dict[str, Any] = json.loads(reply.data)
        return result
