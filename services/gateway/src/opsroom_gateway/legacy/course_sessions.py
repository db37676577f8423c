"""The sessions of course users: all sockets of a user on this gateway share one connection.

A record with a connection for each socket would be written again for each, and holds a limited number.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from opsroom_contracts.chat.models import JoinRequest, LeaveReason
from opsroom_gateway.legacy.chat_sockets import CourseSocket
from opsroom_gateway.legacy.domain.socket_binding import Binding
from opsroom_gateway.presence.sessions import Session, Sessions

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shared:
    """A session and the sockets that have it."""

    session: Session
    sockets: set[CourseSocket] = field(default_factory=set)


class CourseSessions:
    """Gives sockets their user's session, and takes it away."""

    def __init__(self, sessions: Sessions, binding: Binding) -> None:
        self._sessions = sessions
        self._binding = binding
        self._shared: dict[str, _Shared] = {}
        self._joining: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ending: set[str] = set()
        """Placeholder connections that are being removed."""

    async def join(self, socket: CourseSocket, request: JoinRequest, user_id: str) -> None:
        """Give ``socket`` the session of its user; ``request`` is sent if there is none yet.

        Raises:
            FaultError: the chat service's error.
        """
        lock = self._joining.setdefault(user_id, asyncio.Lock())
        async with lock:
            shared = self._shared.get(user_id)
            if shared is None:
                session, _ = await self._sessions.join(request, _Owner(self, user_id))
                shared = self._shared[user_id] = _Shared(session)
            shared.sockets.add(socket)
            socket.session = shared.session

    def detach(self, socket: CourseSocket) -> Session | None:
        """Take the session from ``socket``. Returns it if it was the last one: the session has to end."""
        session, socket.session = socket.session, None
        shared = None if session is None else self._shared.get(session.user_id)
        if session is None or shared is None or shared.session is not session:
            return None
        shared.sockets.discard(socket)
        if shared.sockets:
            return None
        del self._shared[session.user_id]
        return session

    async def end_placeholders(self, user_id: str, connections: tuple[str, ...]) -> None:
        """Remove placeholder connections from a record: the user has a socket."""
        ending = tuple(name for name in connections if name not in self._ending)
        if not ending:
            return
        self._ending.update(ending)
        try:
            await self._sessions.leave_connections(user_id, ending, LeaveReason.CLOSED)
        finally:
            self._ending.difference_update(ending)

    def lost(self, user_id: str) -> None:
        """Unbind all sockets of a user whose session can't be kept; they stay open."""
        shared = self._shared.pop(user_id, None)
        if shared is not None:
            for socket in shared.sockets:
                socket.session = None
        self._binding.forget(user_id)


class _Owner:
    """The owner of a shared session."""

    def __init__(self, sessions: CourseSessions, user_id: str) -> None:
        self._sessions = sessions
        self._user_id = user_id

    def lost(self, *, exited: bool) -> None:
        """Unbind the sockets."""
        log.debug("lost the session of %s, exited: %s", self._user_id, exited)
        self._sessions.lost(self._user_id)
