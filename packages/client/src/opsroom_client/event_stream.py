"""The stream of changes, through every break of the connection."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing

import httpx
from httpx_sse import EventSource, aconnect_sse

from opsroom_client.backoff import Backoff
from opsroom_client.errors import OpsroomError, RefusedError, UnexpectedResponseError
from opsroom_client.requests import API, Requests, refusal, unreachable
from opsroom_contracts.codec import ContractError, contract_of, decode_lenient
from opsroom_contracts.http import SSE_CHANGE, SSE_RESET, CloudEvent, ResetEvent

CloudChange = CloudEvent | ResetEvent
"""What the stream tells: an event, or that what was missed can't be told: then fetch the list anew."""
OnConnection = Callable[[OpsroomError | None], None]
"""Told once of each break, with its reason, and, with None, when the connection is back."""

_SILENCE_SECONDS = 45.0
"""A stream says every 15 s that it lives; one that is silent for so long is dead."""
_EVENT_BYTES = 64 * 1024
"""The longest event that is read."""
_EVENT = contract_of(CloudEvent)
_RESET = contract_of(ResetEvent)


class StreamHealth:
    """Whether there is one, and until when there has to be."""

    def __init__(self, first: float, patience: float | None, on_connection: OnConnection | None) -> None:
        """``first``: within how many seconds it has to be there; ``patience``: for how many it may be away
        later, None being any time."""
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = self._loop.time() + first
        self._patience = patience
        self._tell = on_connection
        self._broken = False
        self._there = False

    def opened(self) -> None:
        """It is there."""
        if self._broken and self._tell is not None:
            self._tell(None)
        self._there, self._broken = True, False

    def failed(self, reason: OpsroomError) -> None:
        """It broke, or could not be had."""
        if not self._there:
            return
        self._there, self._broken = False, True
        self._deadline = None if self._patience is None else self._loop.time() + self._patience
        if self._tell is not None:
            self._tell(reason)

    def too_late_in(self, seconds: float) -> bool:
        """Whether an attempt in so many seconds comes too late."""
        return self._deadline is not None and self._loop.time() + seconds > self._deadline


async def events_after(
    requests: Requests, since: int, connection: StreamHealth
) -> AsyncGenerator[CloudChange, None]:
    """Every change after the sequence ``since``, each once, without an end.

    Raises:
        UnreachableError: ``connection`` had to be there by now.
        RefusedError: the server said no, and will again, or went on saying "later" until then.
        UnexpectedResponseError: what came is no stream of changes.
    """
    backoff = Backoff()
    while True:
        at_least = 0.0
        failure: OpsroomError
        try:
            async with aclosing(_until_it_breaks(requests, since, connection)) as changes:
                async for change in changes:
                    backoff.reset()
                    since = change.seq
                    yield change
            failure = unreachable(requests.http.base_url, httpx.ReadError("it ended the stream"))
        except httpx.TransportError as error:
            failure = unreachable(requests.http.base_url, error)
        except RefusedError as error:
            if not error.retryable:
                raise
            failure, at_least = error, error.retry_after or 0.0
        connection.failed(failure)
        wait = backoff.next(at_least)
        if connection.too_late_in(wait):
            raise failure
        await asyncio.sleep(wait)


async def _until_it_breaks(
    requests: Requests, since: int, connection: StreamHealth
) -> AsyncGenerator[CloudChange, None]:
    async with AsyncExitStack() as stack:
        source = await _opened(requests.http, since, stack)
        if not source.response.is_success:
            await source.response.aread()
            raise refusal(source.response)
        connection.opened()
        async for event in source.aiter_sse():
            try:
                if event.event == SSE_CHANGE:
                    yield decode_lenient(_EVENT, event.data, _EVENT_BYTES)
                elif event.event == SSE_RESET:
                    yield decode_lenient(_RESET, event.data, _EVENT_BYTES)
            except ContractError as error:
                raise UnexpectedResponseError(f"an event that can't be read: {error}") from None


async def _opened(http: httpx.AsyncClient, since: int, stack: AsyncExitStack) -> EventSource:
    """The stream, once the server has begun to answer; closed by ``stack``.

    Raises:
        TransportError: it did not, within the time that any answer has.
    """
    headers = {"Last-Event-ID": str(since)}
    timeout = httpx.Timeout(http.timeout.connect, read=_SILENCE_SECONDS)
    stream = aconnect_sse(http, "GET", f"{API}/cloud/events", headers=headers, timeout=timeout)
    try:
        async with asyncio.timeout(http.timeout.read):
            return await stack.enter_async_context(stream)
    except TimeoutError:
        raise httpx.ReadTimeout("no answer in time") from None
