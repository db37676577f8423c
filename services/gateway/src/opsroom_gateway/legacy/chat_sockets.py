"""A socket of the course contract's chat."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from opsroom_contracts.chat.models import SendRequest
from opsroom_gateway.presence.sessions import Session
from opsroom_gateway.transport.websocket.connection import WebSocketConnection

OnName = Callable[[str | None], None]


class CourseSocket:
    """A socket and its session. The session changes only while ``lock`` is held.

    ``on_name`` is called with the user's name whenever the session changes. ``waiting``: messages that have
    arrived together and are not sent to the chat service yet.
    """

    def __init__(self, origin: str, connection: WebSocketConnection, on_name: OnName) -> None:
        self.id = uuid4().hex
        self.origin = origin
        self.connection = connection
        self.lock = asyncio.Lock()
        self.waiting: list[SendRequest] = []
        self._on_name = on_name
        self._session: Session | None = None

    @property
    def session(self) -> Session | None:
        """The socket's session; None: it belongs to no user."""
        return self._session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._session = session
        self._on_name(None if session is None else session.name)
