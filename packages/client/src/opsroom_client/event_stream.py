"""The stream of cloud changes (SSE), resumed after each disconnect."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing

import httpx
from httpx_sse import EventSource, aconnect_sse

from opsroom_client.backoff import Backoff
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnexpectedResponseError
from opsroom_client.position import Position
from opsroom_client.requests import API, RETRY_MAX_SECONDS, Requests, error_of_response, unreachable_error
from opsroom_contracts.http import SSE_CHANGE, SSE_RESET, CloudEvent, ResetEvent
from opsroom_contracts.serialization.codec import ContractError, UnknownKindError, contract_of, decode_lenient
from opsroom_contracts.serialization.model import rfc3339

CloudChange = CloudEvent | ResetEvent
"""An event; or a reset: missed events are no longer available, so the list must be fetched again."""
OnConnection = Callable[[OpsroomError | None], None]
"""Called once per disconnect with its reason, and with None after the reconnect."""

_SILENCE_SECONDS = 45.0
"""Timeout without data; the server sends a keep-alive every 15 s."""
_MAX_EVENT_BYTES = 64 * 1024
_EVENT = contract_of(CloudEvent)
_RESET = contract_of(ResetEvent)


class StreamHealth:
    """Whether the stream is connected, and the deadline for the next connect."""

    def __init__(
        self, first_timeout: float, timeout: float | None, on_connection: OnConnection | None
    ) -> None:
        """``first_timeout``: seconds for the first connect; ``timeout``: for later ones (None: no limit)."""
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = self._loop.time() + first_timeout
        self._timeout = timeout
        self._on_connection = on_connection
        self._disconnected = False
        self._connected = False
        self.retry_seconds = 0.0
        """The delay that the server has asked for. A server that stops spreads its clients."""

    def on_connect(self) -> None:
        """Record that the stream is connected."""
        if self._disconnected and self._on_connection is not None:
            self._on_connection(None)
        self._connected, self._disconnected = True, False
        self.retry_seconds = 0.0

    def on_failure(self, reason: OpsroomError) -> None:
        """Record a disconnect or a failed connect."""
        if not self._connected:
            return
        self._connected, self._disconnected = False, True
        self._deadline = None if self._timeout is None else self._loop.time() + self._timeout
        if self._on_connection is not None:
            self._on_connection(reason)

    def is_too_late(self, delay: float) -> bool:
        """Whether an attempt in ``delay`` seconds would miss the deadline."""
        return self._deadline is not None and self._loop.time() + delay > self._deadline


async def events_after(
    requests: Requests, position: Position, health: StreamHealth
) -> AsyncGenerator[CloudChange, None]:
    """Every change after ``position``, each once, without an end.

    Raises:
        UnreachableError: not connected by the deadline of ``health``.
        RequestRejectedError: the server rejected the request; a retryable error only after the deadline.
        UnexpectedResponseError: the response is not a stream of changes.
    """
    backoff = Backoff()
    while True:
        minimum_delay = 0.0
        failure: OpsroomError
        try:
            async with aclosing(_events_until_disconnect(requests, position, health)) as changes:
                async for change in changes:
                    backoff.reset()
                    position = _position_after(position, change)
                    yield change
            failure = unreachable_error(requests.http.base_url, httpx.ReadError("the stream ended"))
            minimum_delay = health.retry_seconds
        except httpx.TransportError as error:
            failure = unreachable_error(requests.http.base_url, error)
            minimum_delay = health.retry_seconds
        except RequestRejectedError as error:
            if not error.retryable:
                raise
            failure, minimum_delay = error, error.retry_after or 0.0
        health.on_failure(failure)
        delay = backoff.next(minimum_delay)
        if health.is_too_late(delay):
            raise failure
        await asyncio.sleep(delay)


def _position_after(position: Position, change: CloudChange) -> Position:
    if isinstance(change, CloudEvent):
        return position.after(change.seq, change.timestamp)
    return Position.of(change)


async def _events_until_disconnect(
    requests: Requests, position: Position, health: StreamHealth
) -> AsyncGenerator[CloudChange, None]:
    async with AsyncExitStack() as stack:
        source = await open_stream(requests.http, "/cloud/events", _params(position), stack)
        health.on_connect()
        async for event in source.aiter_sse():
            if event.retry is not None:
                health.retry_seconds = min(max(event.retry, 0) / 1000, RETRY_MAX_SECONDS)
            try:
                if event.event == SSE_CHANGE:
                    yield decode_lenient(_EVENT, event.data, _MAX_EVENT_BYTES)
                elif event.event == SSE_RESET:
                    yield decode_lenient(_RESET, event.data, _MAX_EVENT_BYTES)
            except UnknownKindError:
                continue  # a newer server's command or type of event
            except ContractError as error:
                raise UnexpectedResponseError(f"an event that can't be read: {error}") from None


def _params(position: Position) -> dict[str, str | int]:
    params: dict[str, str | int] = {"since": position.seq}
    if position.epoch is not None:
        params["epoch"] = position.epoch
    if position.timestamp is not None:
        params["timestamp"] = rfc3339(position.timestamp)
    return params


async def open_stream(
    http: httpx.AsyncClient, path: str, params: Mapping[str, str | int], stack: AsyncExitStack
) -> EventSource:
    """Open an event stream of the API and wait for its response headers; ``stack`` closes it.

    Raises:
        httpx.TransportError: no response within the client's normal read timeout.
        RequestRejectedError: the server rejected the request.
        UnexpectedResponseError: an unsuccessful response that is no problem of Opsroom's.
    """
    timeout = httpx.Timeout(http.timeout.connect, read=_SILENCE_SECONDS)
    stream = aconnect_sse(http, "GET", API + path, params=dict(params), timeout=timeout)
    try:
        async with asyncio.timeout(http.timeout.read):
            source = await stack.enter_async_context(stream)
    except TimeoutError:
        raise httpx.ReadTimeout("no response in time") from None
    if not source.response.is_success:
        await source.response.aread()
        raise error_of_response(source.response)
    return source
