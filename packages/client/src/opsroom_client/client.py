"""The client: one server, its chat and its cloud."""

import ssl
from contextlib import AsyncExitStack
from typing import Self

import httpx

from opsroom_client.chat import Chat
from opsroom_client.cloud import Cloud
from opsroom_client.errors import refusing
from opsroom_client.moderation import Moderation
from opsroom_client.requests import API, Call, Requests
from opsroom_contracts.chat import HISTORY_MAX, HistoryReply, Message, User, UsersReply
from opsroom_contracts.http import NewUser, Registered
from opsroom_contracts.status import Status

DEFAULT_URL = "http://127.0.0.1:8000"
_TIMEOUT_SECONDS = 20.0


class Opsroom:
    """A server; use it as an async context manager.

    Methods raise :class:`RefusedError`, :class:`UnreachableError` and :class:`UnexpectedResponseError`.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        patience: float = 15.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``url``: ``http`` or ``https``. ``token``: in whose name servers are commanded.

        ``patience``: for how many seconds to go on asking where nobody answers. ``tls``: which
        certificates to trust; those of the system if None.

        Raises:
            ValueError: ``url`` is none.
        """
        self._url = httpx.URL(url.rstrip("/"))
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise ValueError(f"must be like http://host:8000, not {url!r}")
        self._tls = tls or _trusted(self._url.scheme)
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=_TIMEOUT_SECONDS,
            verify=self._tls,
        )
        self._patience = patience
        self.requests = Requests(self._http, patience)
        self.cloud = Cloud(self.requests)
        self.moderation = Moderation(self.requests)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def register(self, name: str) -> Registered:
        """Take a name. The token proves who one is; it is told once."""
        with refusing():
            body = NewUser(name=name)
        # Asked again, it would find the name taken: by us.
        call = Call("POST", "/chat/users", body=body, repeatable=False)
        return await self.requests.ask(call, Registered)

    async def users(self) -> tuple[User, ...]:
        """Who is here, in the order in which they came."""
        return (await self.requests.ask(Call("GET", "/chat/users"), UsersReply)).users

    async def history(
        self, room: str = "general", *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> tuple[Message, ...]:
        """A page of messages in ascending sequence: the last ones, those before one, or those after one."""
        given = {"before": before, "after": after, "limit": min(limit, HISTORY_MAX)}
        params: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
        call = Call("GET", f"/chat/rooms/{room}/messages", params=params)
        return (await self.requests.ask(call, HistoryReply)).messages

    async def status(self) -> Status:
        """What runs, and how it does."""
        return await self.requests.ask(Call("GET", "/status"), Status)

    def chat(self, token: str, *, since: int | None = None) -> Chat:
        """The chat as the owner of ``token``, told what was said after ``since`` (None: from now on)."""
        scheme = "wss" if self._url.scheme == "https" else "ws"
        url = f"{self._url.copy_with(scheme=scheme)}".rstrip("/") + f"{API}/chat/ws"
        tls = self._tls if scheme == "wss" else None
        return Chat(url, token, since=since, patience=self._patience, tls=tls)


def _trusted(scheme: str) -> ssl.SSLContext:
    """Reading the system's certificates takes a tenth of a second, which http has no use for."""
    return ssl.create_default_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
