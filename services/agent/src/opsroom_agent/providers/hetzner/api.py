"""A client of the API of Hetzner Cloud. A rate limit that is reached stops all requests of the agent."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from pydantic import ValidationError

from opsroom_agent.providers.hetzner.models import (
    Action,
    ActionReply,
    ActionsReply,
    ApiModel,
    CreatedReply,
    ErrorReply,
    Server,
    ServerReply,
    ServersReply,
)

_REQUEST_SECONDS = 4.0
_PER_PAGE = 50
_PAGES_MAX = 200
_BACKOFF_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_RATE_LIMITED = "rate_limit_exceeded"

ReplyT = TypeVar("ReplyT", bound=ApiModel)


class ApiError(Exception):
    """The API has refused a request: it has changed nothing. ``code`` is the API's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ApiUnavailableError(Exception):
    """There is no usable reply: whether the request was carried out is unknown. The message says why."""


class RateLimitedError(ApiUnavailableError):
    """The rate limit is reached, so the request was not carried out. ``seconds``: how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the rate limit of Hetzner Cloud is reached; next request in {seconds:.0f} s")
        self.seconds = seconds


class HetznerApi:
    """Requests to the API. ``check`` as in :class:`opsroom_agent.context.ProviderContext`.

    All methods raise :class:`ApiError` for a refusal and :class:`ApiUnavailableError` without a usable reply.
    ``clock`` returns seconds; it must not jump.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        check: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._check = check
        self._clock = clock
        self._resume_at = 0.0
        self._limited = 0

    async def server(self, server_id: str) -> Server | None:
        """Return a server by the API's id, or None."""
        try:
            return (await self._read(f"/servers/{server_id}", ServerReply)).server
        except ApiError as error:
            if error.code == "not_found":
                return None
            raise

    async def servers(self, **query: str) -> list[Server]:
        """Return all servers, or those that match ``name`` or ``label_selector``."""
        found: list[Server] = []
        page: int | None = 1
        while page is not None and page <= _PAGES_MAX:
            limits = {"page": str(page), "per_page": str(_PER_PAGE)}
            reply = await self._read("/servers", ServersReply, {**query, **limits})
            found += reply.servers
            page = reply.meta.pagination.next_page
        return found

    async def action(self, action_id: int) -> Action:
        """Return how far an action is."""
        return (await self._read(f"/actions/{action_id}", ActionReply)).action

    async def last_actions(self, server_id: int) -> tuple[Action, ...]:
        """Return the newest actions of a server, the newest first."""
        query = {"sort": "id:desc", "per_page": str(_PER_PAGE)}
        return (await self._read(f"/servers/{server_id}/actions", ActionsReply, query)).actions

    async def create(self, body: Mapping[str, object]) -> CreatedReply:
        """Create a server."""
        return await self._change("POST", "/servers", CreatedReply, body)

    async def begin(self, server_id: int, verb: str) -> Action:
        """Begin ``poweron``, ``shutdown``, ``poweroff`` or ``reboot`` of a server."""
        return (await self._change("POST", f"/servers/{server_id}/actions/{verb}", ActionReply)).action

    async def delete(self, server_id: int) -> Action:
        """Begin to delete a server."""
        return (await self._change("DELETE", f"/servers/{server_id}", ActionReply)).action

    async def _read(self, path: str, reply: type[ReplyT], query: Mapping[str, str] | None = None) -> ReplyT:
        return await self._send("GET", path, reply, query=query)

    async def _change(
        self, method: str, path: str, reply: type[ReplyT], body: Mapping[str, object] | None = None
    ) -> ReplyT:
        self._check()
        return await self._send(method, path, reply, body=body)

    async def _send(
        self,
        method: str,
        path: str,
        reply: type[ReplyT],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> ReplyT:
        if (left := self._resume_at - self._clock()) > 0:
            raise RateLimitedError(left)
        try:
            response = await self._client.request(method, path, params=query, json=body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ApiUnavailableError(f"Hetzner Cloud does not reply: {reason}") from error
        try:
            if response.is_success:
                self._limited = 0
                return reply.model_validate_json(response.content)
            refusal = ErrorReply.model_validate_json(response.content).error
        except ValidationError as error:
            raise ApiUnavailableError(f"Hetzner Cloud has replied {response.status_code}") from error
        if refusal.code == _RATE_LIMITED:
            raise self._back_off()
        if response.status_code >= 500:
            raise ApiUnavailableError(f"Hetzner Cloud: {refusal.message} ({refusal.code})")
        raise ApiError(refusal.code, refusal.message)

    def _back_off(self) -> RateLimitedError:
        seconds = _BACKOFF_SECONDS[min(self._limited, len(_BACKOFF_SECONDS) - 1)]
        self._limited += 1
        self._resume_at = self._clock() + seconds
        return RateLimitedError(seconds)


@asynccontextmanager
async def open_api(url: str, token: str, check: Callable[[], None]) -> AsyncIterator[HetznerApi]:
    """A client of the API at ``url``; it connects when it is first used."""
    headers = {"authorization": f"Bearer {token}", "user-agent": "opsroom-agent"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=_REQUEST_SECONDS, limits=httpx.Limits(max_connections=10)
    ) as client:
        yield HetznerApi(client, check)
