"""The client of one server."""

import getpass
import ssl
from contextlib import AsyncExitStack
from typing import Self
from urllib.parse import quote

import httpx

from opsroom_client.access import Access
from opsroom_client.chat import PING_SECONDS, Chat
from opsroom_client.cloud import Cloud
from opsroom_client.errors import UnexpectedResponseError, validating_request
from opsroom_client.files import Files
from opsroom_client.hooks import Hooks
from opsroom_client.incidents import Incidents
from opsroom_client.messages import Messages
from opsroom_client.moderation import Moderation
from opsroom_client.notifications import Notifications
from opsroom_client.on_call import OnCall
from opsroom_client.position import Position
from opsroom_client.requests import API, Call, Requests
from opsroom_client.rooms import Rooms
from opsroom_client.search import EVERYTHING, SearchFilter, search
from opsroom_client.threads import Threads
from opsroom_client.webhooks import Webhooks
from opsroom_contracts.chat.models import (
    HISTORY_MAX,
    USERS_MAX,
    HistoryReply,
    Message,
    User,
    UsersReply,
)
from opsroom_contracts.http import NAME_HEADER, NewUser, Registered
from opsroom_contracts.identity import SessionView
from opsroom_contracts.search.models import SEARCH_DEFAULT, SearchResults
from opsroom_contracts.status import Status
from opsroom_contracts.text import NAME_MAX, NameRuleError, clean_name

DEFAULT_URL = "http://127.0.0.1:8000"
_TIMEOUT_SECONDS = 20.0


class Opsroom:
    """A client of one server, to be used as an async context manager.

    Methods raise :class:`RequestRejectedError`, :class:`UnreachableError` and
    :class:`UnexpectedResponseError`.

    Attributes:
        cloud: servers and commands.
        rooms: rooms and their members.
        files: files of messages.
        threads: threads that the user follows.
        moderation: moderation, for admins.
        access: people and invitations, for admins, and links for devices.
        hooks: addresses to which other programs post, for admins.
        on_call: who is on call, by weekly rotas.
        incidents: threads with a status and a lead, and their reports.
        webhooks: addresses to which the portal posts events, for admins.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        name: str | None = None,
        timeout: float = 15.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Create a client for the server at ``url`` (``http`` or ``https``).

        ``token``: authorizes commands and moderation. ``name``: who gives commands without a token, which is
        possible in ``open`` mode; None: the login name, with "-cli". ``timeout``: for how many seconds to
        retry while the server is unreachable. ``tls``: the trusted certificates; None: those of the system.

        Raises:
            ValueError: an invalid ``url``.
        """
        self._url = httpx.URL(url.rstrip("/"))
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise ValueError(f"must be like http://host:8000, not {url!r}")
        self._tls = tls or _tls_context(self._url.scheme)
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}"}
            if token
            else {NAME_HEADER: quote(name or default_name())},
            timeout=_TIMEOUT_SECONDS,
            verify=self._tls,
        )
        self._patience = timeout
        self.requests = Requests(self._http, timeout)
        self.cloud = Cloud(self.requests)
        self.rooms = Rooms(self.requests)
        self.files = Files(self.requests)
        self.messages = Messages(self.requests)
        self.threads = Threads(self.requests)
        self.notifications = Notifications(self.requests)
        self.moderation = Moderation(self.requests)
        self.access = Access(self.requests, self._url)
        self.hooks = Hooks(self.requests, self._url)
        self.incidents = Incidents(self.requests)
        self.webhooks = Webhooks(self.requests)
        self.on_call = OnCall(self.requests)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def register(self, name: str) -> Registered:
        """Register a name. The token in the response authenticates the user, and is returned only once."""
        with validating_request():
            body = NewUser(name=name)
        # A retry could find the name taken, by the first attempt.
        call = Call("POST", "/chat/users", body=body, repeatable=False)
        return await self.requests.request(call, Registered)

    async def session(self) -> SessionView:
        """Who the token's owner is and what they may do; without a token, what anybody may do."""
        return await self.requests.request(Call("GET", "/session"), SessionView)

    async def users(self) -> tuple[User, ...]:
        """The users that are present, in the order in which they joined."""
        users: dict[str, User] = {}
        params: dict[str, str | int] = {"limit": USERS_MAX}
        while True:
            page = await self.requests.request(Call("GET", "/chat/users", params=params), UsersReply)
            users |= {user.id: user for user in page.users}
            if page.next is None:
                return tuple(users.values())
            params["after"] = page.next

    async def search(
        self,
        q: str = "",
        *,
        narrowed: SearchFilter = EVERYTHING,
        limit: int = SEARCH_DEFAULT,
        cursor: str | None = None,
    ) -> SearchResults:
        """Messages, servers and entries of the Worklog that match; ``limit`` of each on a page.

        ``q``: words, phrases in quotes and filters. ``cursor``: the ``next`` of the page before.
        """
        return await search(self.requests, q, narrowed, limit, cursor)

    async def history(
        self, room: str = "general", *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> tuple[Message, ...]:
        """Up to ``limit`` messages in ascending sequence: the latest, or those before or after a sequence.

        Returns fewer only if there are no more; reads as many pages as that takes.

        Raises:
            UnexpectedResponseError: the server's data was replaced between two pages.
        """
        page = await self.history_page(room, before=before, after=after, limit=limit)
        found, epoch = list(page.messages), page.epoch
        while page.next is not None and len(found) < limit:
            more = limit - len(found)
            if after is None:
                page = await self.history_page(room, before=page.next, limit=more)
                found[:0] = page.messages
            else:
                page = await self.history_page(room, after=page.next, limit=more)
                found += page.messages
            if page.epoch != epoch:
                raise UnexpectedResponseError("the server's data was replaced while its history was read")
        return tuple(found)

    async def history_page(
        self,
        room: str = "general",
        *,
        before: int | None = None,
        after: int | None = None,
        at: int | None = None,
        limit: int = 50,
    ) -> HistoryReply:
        """One page of messages; if there may be more, ``next`` says where, however short the page is.

        ``at``: as the room was when this was the last sequence. What was edited or removed since is in
        ``erased``, without its text.
        """
        query = {"before": before, "after": after, "at": at, "limit": min(limit, HISTORY_MAX)}
        params: dict[str, str | int] = {name: value for name, value in query.items() if value is not None}
        call = Call("GET", f"/chat/rooms/{room}/messages", params=params)
        return await self.requests.request(call, HistoryReply)

    async def status(self) -> Status:
        """The status of the portal."""
        return await self.requests.request(Call("GET", "/status"), Status)

    def chat(
        self,
        token: str,
        *,
        since: int | Position | None = None,
        ping_seconds: float = PING_SECONDS,
        unread: bool = False,
    ) -> Chat:
        """The chat as the user of ``token``, with messages after ``since`` (None: from now on).

        ``since``: a sequence, or the ``position`` of an earlier chat. ``ping_seconds``: interval of pings,
        and the timeout of each, so that a dead connection is replaced within twice that. ``unread``: whether
        to keep count of what the user has not read.
        """
        scheme = "wss" if self._url.scheme == "https" else "ws"
        url = f"{self._url.copy_with(scheme=scheme)}".rstrip("/") + f"{API}/chat/ws"
        tls = self._tls if scheme == "wss" else None
        chat = Chat(url, token, since=since, timeout=self._patience, tls=tls, ping_seconds=ping_seconds)
        return chat.counting_unread() if unread else chat


def default_name() -> str:
    """Return the name for commands without a token. The login name itself may be the user's in the chat."""
    try:
        return clean_name(f"{getpass.getuser()[: NAME_MAX - 4]}-cli")
    except (NameRuleError, KeyError, OSError):  # without a login name, or with a strange one
        return "cli"


def _tls_context(scheme: str) -> ssl.SSLContext:
    """A TLS context; for http without the system's certificates, which take 0.1 s to load."""
    return ssl.create_default_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
