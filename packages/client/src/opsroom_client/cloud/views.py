"""Looking inside a server: its log and its use of resources, which are streamed and never stored."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TypeVar

import httpx
from httpx_sse import EventSource
from pydantic import TypeAdapter

from opsroom_client.backoff import Backoff
from opsroom_client.cloud.queries import Queries, part
from opsroom_client.cloud.resuming import LogGap, resumed_log, resumed_stats
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnexpectedResponseError
from opsroom_client.event_stream import OnConnection, open_stream
from opsroom_client.requests import Requests, unreachable_error
from opsroom_contracts.agents.protocol import LogChunk, StatsChunk, StreamChunk
from opsroom_contracts.http import SSE_END, SSE_LOG, SSE_STATS, StreamEnd
from opsroom_contracts.serialization.codec import ContractError, contract_of, decode_lenient

LogStream = AsyncIterator[LogChunk | StreamEnd]
"""Chunks of a log in order, and last a :class:`StreamEnd`, whose ``reason`` says why it ended early."""
StatsStream = AsyncIterator[StatsChunk | StreamEnd]
"""Chunks of samples in order of time, and last a :class:`StreamEnd`."""

_MAX_CHUNK_BYTES = 1024 * 1024
_END = contract_of(StreamEnd)
_LOG = contract_of(LogChunk)
_STATS = contract_of(StatsChunk)
_ChunkT = TypeVar("_ChunkT", bound=StreamChunk)


class Views(Queries):
    """Logs and statistics."""

    @asynccontextmanager
    async def logs(
        self, instance_id: str, *, tail: int = 200, follow: bool = False
    ) -> AsyncIterator[LogStream]:
        """The log of a server: up to ``tail`` past lines and, with ``follow``, new ones until the block ends.

        ::

            async with opsroom.cloud.logs("web-1", follow=True) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, LogChunk):
                        for line in chunk.lines:
                            print(line.text)

        A reader that is too slow misses lines: ``chunk.skipped`` says how many came before its lines. A
        stream that breaks raises :class:`UnreachableError`; :meth:`follow_log` goes on instead.
        """
        params: dict[str, str | int] = {"tail": tail, "follow": _flag(follow)}
        path = f"/cloud/instances/{part(instance_id)}/logs"
        async with aclosing(_chunks(self._requests, path, params, (SSE_LOG, _LOG))) as chunks:
            yield chunks

    @asynccontextmanager
    async def stats(self, instance_id: str, *, follow: bool = False) -> AsyncIterator[StatsStream]:
        """The use of CPU and memory: samples of the last 15 minutes and, with ``follow``, new ones.

        Otherwise as :meth:`logs`.
        """
        params: dict[str, str | int] = {"follow": _flag(follow)}
        path = f"/cloud/instances/{part(instance_id)}/stats"
        async with aclosing(_chunks(self._requests, path, params, (SSE_STATS, _STATS))) as chunks:
            yield chunks

    @asynccontextmanager
    async def follow_log(
        self, instance_id: str, *, tail: int = 200, on_connection: OnConnection | None = None
    ) -> AsyncIterator[AsyncIterator[LogChunk | LogGap | StreamEnd]]:
        """The log of a server as :meth:`logs` follows it, through disconnects: each line comes once.

        A :class:`LogGap` comes where lines may be missing. ``on_connection``: called at each disconnect and
        reconnect. A reconnect is tried without a limit; the first connect has the client's timeout.
        """

        def opened(past: int) -> AbstractAsyncContextManager[LogStream]:
            return self.logs(instance_id, tail=past, follow=True)

        async with aclosing(resumed_log(opened, tail, on_connection)) as chunks:
            yield chunks

    @asynccontextmanager
    async def follow_stats(
        self, instance_id: str, *, on_connection: OnConnection | None = None
    ) -> AsyncIterator[StatsStream]:
        """Statistics as :meth:`stats` follows them, through disconnects: each sample comes once."""

        def opened() -> AbstractAsyncContextManager[StatsStream]:
            return self.stats(instance_id, follow=True)

        async with aclosing(resumed_stats(opened, on_connection)) as chunks:
            yield chunks


def _flag(value: bool) -> str:
    return "true" if value else "false"


async def _chunks(
    requests: Requests,
    path: str,
    params: Mapping[str, str | int],
    kind: tuple[str, TypeAdapter[_ChunkT]],
) -> AsyncGenerator[_ChunkT | StreamEnd, None]:
    """The chunks of a stream, and its end."""
    name, contract = kind
    async with AsyncExitStack() as stack:
        source = await _opened(requests, path, params, stack)
        try:
            async for event in source.aiter_sse():
                if event.event == SSE_END:
                    yield decode_lenient(_END, event.data, _MAX_CHUNK_BYTES)
                    return
                if event.event == name:
                    yield decode_lenient(contract, event.data, _MAX_CHUNK_BYTES)
        except ContractError as error:
            raise UnexpectedResponseError(f"a part of a stream that can't be read: {error}") from None
        except httpx.TransportError as error:
            raise unreachable_error(requests.http.base_url, error) from None
    raise unreachable_error(requests.http.base_url, httpx.ReadError("the stream broke off"))


async def _opened(
    requests: Requests, path: str, params: Mapping[str, str | int], stack: AsyncExitStack
) -> EventSource:
    """Open the stream; as other requests, again while the server is unreachable or overloaded."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + requests.timeout
    backoff = Backoff()
    while True:
        failure: OpsroomError
        try:
            return await open_stream(requests.http, path, params, stack)
        except httpx.TransportError as error:
            failure, delay = unreachable_error(requests.http.base_url, error), backoff.next()
        except RequestRejectedError as error:
            if not error.retryable:
                raise
            failure, delay = error, backoff.next(error.retry_after or 0.0)
        if loop.time() + delay > deadline:
            raise failure
        await asyncio.sleep(delay)
