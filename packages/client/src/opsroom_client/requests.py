"""HTTP requests with retries, where a retry is harmless and can help."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel

from opsroom_client.backoff import Backoff
from opsroom_client.errors import (
    OpsroomError,
    RequestRejectedError,
    UnexpectedResponseError,
    UnreachableError,
)
from opsroom_contracts.errors import ErrorCode, Problem
from opsroom_contracts.serialization.codec import (
    MAX_PAYLOAD_BYTES,
    ContractError,
    contract_of,
    decode_lenient,
    encode,
)

API = "/api/v1"
KEY_HEADER = "Idempotency-Key"
RETRY_MAX_SECONDS = 300.0
"""The longest delay that a server can ask for."""
_MAX_RESPONSE_BYTES = 64 * 1024 * 1024
_PROBLEM = contract_of(Problem)

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        key: the idempotency key of a command.
        content: returns the pieces of a body that is not a model, from the beginning.
        content_type: what the client says that ``content`` is.
        size: of ``content``, in bytes.
        repeatable: whether sending it twice is harmless.
    """

    method: str
    path: str
    body: BaseModel | None = None
    params: dict[str, str | int] | None = None
    key: str | None = None
    repeatable: bool = True
    content: Callable[[], AsyncIterator[bytes]] | None = None
    content_type: str = "application/octet-stream"
    size: int = 0


class Requests:
    """Sends requests to ``/api/v1`` and validates the responses."""

    def __init__(self, http: httpx.AsyncClient, timeout: float) -> None:
        """``timeout``: for how many seconds to retry while the server is unreachable or overloaded."""
        self.http = http
        self.timeout = timeout

    async def request(self, call: Call, model: type[ModelT]) -> ModelT:
        """Send ``call`` and return the response as ``model``.

        Raises:
            RequestRejectedError: the server rejected the request.
            UnreachableError: no response in time.
            UnexpectedResponseError: the response does not match ``model``.
        """
        return _read(await self.send(call), model)

    async def send(self, call: Call) -> httpx.Response:
        """Send ``call``, with retries, and return the successful response. Raises as :meth:`request`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timeout
        backoff = Backoff()
        while True:
            try:
                response = await self._send_once(call)
                if not response.is_success:
                    raise error_of_response(response)
                return response
            except httpx.TransportError as error:
                # After a failed connect nothing was sent; after any other error the server may have acted.
                retry = call.repeatable or isinstance(error, httpx.ConnectError)
                failure: OpsroomError = unreachable_error(self.http.base_url, error)
                delay = backoff.next()
            except RequestRejectedError as error:
                retry = error.retryable and (call.repeatable or error.code is ErrorCode.RATE_LIMITED)
                failure, delay = error, backoff.next(error.retry_after or 0.0)
            if not retry or loop.time() + delay > deadline:
                raise failure
            await asyncio.sleep(delay)

    async def _send_once(self, call: Call) -> httpx.Response:
        headers = {KEY_HEADER: call.key} if call.key is not None else {}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        content: bytes | AsyncIterator[bytes] | None = None if call.body is None else encode(call.body)
        if call.content is not None:
            headers |= {"Content-Type": call.content_type, "Content-Length": str(call.size)}
            content = call.content()
        return await self.http.request(
            call.method,
            API + call.path,
            content=content,
            params=call.params,
            headers=headers,
        )


def unreachable_error(url: object, error: httpx.TransportError) -> UnreachableError:
    """The exception for a transport error of a request to ``url``."""
    return UnreachableError(f"{url} can't be reached: {str(error) or type(error).__name__}")


def _read(response: httpx.Response, model: type[ModelT]) -> ModelT:
    try:
        return decode_lenient(contract_of(model), response.content, _MAX_RESPONSE_BYTES)
    except ContractError as error:
        raise UnexpectedResponseError(
            f"{response.request.url} returned a response that can't be read: {error}"
        ) from None


def error_of_response(response: httpx.Response) -> OpsroomError:
    """The exception for an unsuccessful response, whose body must have been read."""
    try:
        problem = decode_lenient(_PROBLEM, response.content, MAX_PAYLOAD_BYTES)
    except ContractError:
        # A proxy without a reachable gateway returns its own error page.
        if response.status_code in {502, 503, 504}:
            return RequestRejectedError(
                ErrorCode.UNAVAILABLE,
                f"{response.request.url.host}: no server behind the proxy",
                retry_after=retry_after_of(response.headers),
            )
        return UnexpectedResponseError(
            f"{response.request.url} returned {response.status_code} without a readable problem"
        )
    return RequestRejectedError(
        problem.code,
        problem.detail,
        field=problem.field,
        operation_id=problem.operation_id,
        retry_after=problem.retry_after,
    )


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """The delay in ``Retry-After``, in seconds (RFC 9110, 10.2.3); None without a valid one."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_MAX_SECONDS)
    with suppress(ValueError):
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
        return min(max(seconds, 0.0), RETRY_MAX_SECONDS)
    return None
