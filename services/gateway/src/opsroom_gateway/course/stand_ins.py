"""Stand-in connections: they keep people of the course contract on the list until their socket is known."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from opsroom_contracts.chat import (
    REGISTRATION_PREFIX,
    Connection,
    Dialect,
    JoinRequest,
    LeaveManner,
    RegisterReply,
    RegisterRequest,
)
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import ChatSubject
from opsroom_gateway.sessions import Session, Sessions
from opsroom_messaging.process import cancelled
from opsroom_messaging.requests import Requester

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _StandInOwner:
    user_id: str
    forget: Callable[[str], None]

    def lost(self, *, exited: bool) -> None:
        """The person could not be kept, or left."""
        log.debug("%s is gone before a socket came, exited: %s", self.user_id, exited)
        self.forget(self.user_id)


class StandIns:
    """Those of this process. Each lasts ``seconds``; ``forget`` is told who can't be kept that long."""

    def __init__(
        self, requester: Requester, sessions: Sessions, seconds: float, forget: Callable[[str], None]
    ) -> None:
        self._requester = requester
        self._sessions = sessions
        self._seconds = seconds
        self._forget = forget
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self, name: str, origin: str) -> Session:
        """Register ``name``; the person is on the list from the answered session's sequence on.

        Raises:
            FaultError: ``name_taken``, ``name_invalid``, ``unavailable``.
        """
        connection = self._connection()
        request = RegisterRequest(
            name=name, client_id=uuid4().hex, dialect=Dialect.COURSE, origin=origin, connection=connection
        )
        reply = await self._requester.ask(ChatSubject.REGISTER, request, RegisterReply)
        owner = _StandInOwner(reply.user.id, self._forget)
        session = Session(connection, reply.user.id, reply.user.name, owner, reply.seq)
        self._sessions.adopt(session)
        self._end_in_time(session)
        return session

    async def wait_again(self, stranded: Session) -> None:
        """Give someone whose socket was somebody else's the time again in which to open their own."""
        user_id = stranded.user_id
        request = JoinRequest(connection=self._connection(), user_id=user_id, dialect=Dialect.COURSE)
        try:
            session, _ = await self._sessions.join(request, _StandInOwner(user_id, self._forget))
        except FaultError as error:
            log.info("%s can't be kept until their socket comes: %s", user_id, error)
            return
        self._end_in_time(session)

    async def stop(self) -> None:
        """Leave them as they are: whoever still waits then is taken off with this process's lease."""
        await cancelled(self._tasks)

    def _connection(self) -> Connection:
        plain = self._sessions.new_connection()
        return Connection(id=REGISTRATION_PREFIX + plain.id, gateway=plain.gateway)

    def _end_in_time(self, session: Session) -> None:
        task = asyncio.create_task(self._end(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, session: Session) -> None:
        await asyncio.sleep(self._seconds)
        await self._sessions.leave(session, LeaveManner.CLOSED)
