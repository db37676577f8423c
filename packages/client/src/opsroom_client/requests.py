"""One HTTP request, asked again while that is harmless and can help."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel

from opsroom_client.backoff import Backoff
from opsroom_client.errors import OpsroomError, RefusedError, UnexpectedResponseError, UnreachableError
from opsroom_contracts.codec import MAX_PAYLOAD_BYTES, ContractError, contract_of, decode_lenient, encode
from opsroom_contracts.errors import ErrorCode, Problem

API = "/api/v1"
KEY_HEADER = "Idempotency-Key"
_ANSWER_BYTES = 64 * 1024 * 1024
_PROBLEM = contract_of(Problem)

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask. ``key``: its id, for what changes something; ``repeatable``: asking twice harms nobody."""

    method: str
    path: str
    body: BaseModel | None = None
    params: dict[str, str | int] | None = None
    key: str | None = None
    repeatable: bool = True


class Requests:
    """Asks ``/api/v1`` and reads the answers by their contracts."""

    def __init__(self, http: httpx.AsyncClient, patience: float) -> None:
        """``patience``: for how many seconds to go on asking where nobody answers or all are busy."""
        self.http = http
        self.patience = patience

    async def ask(self, call: Call, answer: type[ModelT]) -> ModelT:
        """The answer to ``call``.

        Raises:
            RefusedError: the server said no.
            UnreachableError: nobody answered in time.
            UnexpectedResponseError: what came is no such answer.
        """
        return _read(await self.tell(call), answer)

    async def tell(self, call: Call) -> httpx.Response:
        """As ``ask``, where the answer says no more than that it was done."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        backoff = Backoff()
        while True:
            try:
                response = await self._send(call)
                if not response.is_success:
                    raise refusal(response)
                return response
            except httpx.TransportError as error:
                # Without a connection nothing was asked yet; past that, it may have been done.
                again = call.repeatable or isinstance(error, httpx.ConnectError)
                failure: OpsroomError = unreachable(self.http.base_url, error)
                wait = backoff.next()
            except RefusedError as error:
                again = error.retryable and (call.repeatable or error.code is ErrorCode.RATE_LIMITED)
                failure, wait = error, backoff.next(error.retry_after or 0.0)
            if not again or loop.time() + wait > deadline:
                raise failure
            await asyncio.sleep(wait)

    async def _send(self, call: Call) -> httpx.Response:
        headers = {KEY_HEADER: call.key} if call.key is not None else {}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return await self.http.request(
            call.method,
            API + call.path,
            content=None if call.body is None else encode(call.body),
            params=call.params,
            headers=headers,
        )


def unreachable(where: object, error: httpx.TransportError) -> UnreachableError:
    """Nobody answers at ``where``, in words."""
    return UnreachableError(f"{where} can't be reached: {str(error) or type(error).__name__}")


def _read(response: httpx.Response, answer: type[ModelT]) -> ModelT:
    try:
        return decode_lenient(contract_of(answer), response.content, _ANSWER_BYTES)
    except ContractError as error:
        raise UnexpectedResponseError(
            f"{response.request.url} answered what can't be read: {error}"
        ) from None


def refusal(response: httpx.Response) -> OpsroomError:
    """What an answer that is no success says; its body must have been read."""
    try:
        problem = decode_lenient(_PROBLEM, response.content, MAX_PAYLOAD_BYTES)
    except ContractError:
        # A proxy that finds no gateway behind it says so in words of its own.
        if response.status_code in {502, 503, 504}:
            return RefusedError(ErrorCode.UNAVAILABLE, f"{response.request.url.host}: no server behind it")
        return UnexpectedResponseError(
            f"{response.request.url} answered {response.status_code} and no problem that can be read"
        )
    return RefusedError(
        problem.code,
        problem.detail,
        field=problem.field,
        operation_id=problem.operation_id,
        retry_after=problem.retry_after,
    )
