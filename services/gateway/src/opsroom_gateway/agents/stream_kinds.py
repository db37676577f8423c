"""What can be followed of a server: its log, and its statistics."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from opsroom_contracts.agents.protocol import (
    LOG_CHUNK,
    STATS_CHUNK,
    LogChunk,
    LogsRequest,
    ServerRef,
    StatsChunk,
    StatsRequest,
)
from opsroom_contracts.cloud.models import Instance
from opsroom_contracts.http import SSE_LOG, SSE_STATS
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, decode_lenient, encode
from opsroom_contracts.serialization.model import copy_fields
from opsroom_gateway.agents.entry_buffer import Cursor, Entry, EntryBuffer
from opsroom_gateway.agents.requests import AgentRequests

PAST_STATS: Final = timedelta(minutes=15)
"""How far back the samples go that a reader of statistics gets."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader wants. ``tail``: how many past lines of a log. ``follow``: to go on with new entries."""

    tail: int = 0
    follow: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A message of an agent. ``skipped``: entries before these that the agent left out."""

    chunk: LogChunk | StatsChunk
    entries: list[Entry]
    skipped: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A log, or statistics. ``event``: the SSE event. ``field``: that of the entries in its data.

    ``begin``: asks the agent of an instance to begin the stream with an id. ``start``: where a reader begins
    that joins later.
    """

    event: str
    field: str
    decode: Callable[[bytes], LogChunk | StatsChunk]
    begin: Callable[[AgentRequests, Instance, str, Wish], Awaitable[object]]
    start: Callable[[EntryBuffer, Wish, datetime], Cursor]

    def read(self, payload: bytes) -> Message:
        """Read a message. The agent may be newer: fields that it has added are ignored.

        Raises:
            ContractError: it violates its contract.
        """
        chunk = self.decode(payload)
        match chunk:
            case LogChunk():
                return Message(chunk, [Entry(encode(line)) for line in chunk.lines], chunk.skipped)
            case StatsChunk():
                return Message(chunk, [Entry(encode(sample), sample.at) for sample in chunk.samples], 0)
            case _:
                assert_never(chunk)


def _decode_log(payload: bytes) -> LogChunk:
    return decode_lenient(LOG_CHUNK, payload, MAX_PAYLOAD_BYTES)


def _decode_stats(payload: bytes) -> StatsChunk:
    return decode_lenient(STATS_CHUNK, payload, MAX_PAYLOAD_BYTES)


async def _begin_log(agents: AgentRequests, instance: Instance, stream: str, wish: Wish) -> object:
    server = copy_fields(instance, ServerRef)
    request = LogsRequest(server=server, stream=stream, tail=wish.tail, follow=wish.follow)
    return await agents.request(instance.provider, lambda agent: agent.logs, request)


async def _begin_stats(agents: AgentRequests, instance: Instance, stream: str, wish: Wish) -> object:
    server = copy_fields(instance, ServerRef)
    request = StatsRequest(server=server, stream=stream, follow=wish.follow)
    return await agents.request(instance.provider, lambda agent: agent.stats, request)


LOGS: Final = Kind(SSE_LOG, "lines", _decode_log, _begin_log, lambda buffer, wish, _: buffer.tail(wish.tail))
STATS: Final = Kind(
    SSE_STATS, "samples", _decode_stats, _begin_stats, lambda buffer, _, now: buffer.since(now - PAST_STATS)
)
KINDS: Final = (LOGS, STATS)
