"""The connections of people that this gateway answers for, and keeping the chat service's record true."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from opsroom_contracts.chat import (
    Connection,
    JoinReply,
    JoinRequest,
    LeaveReason,
    LeaveReply,
    LeaveRequest,
    Member,
    ProtocolVersion,
)
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.subjects import ChatSubject
from opsroom_gateway.presence.orphaned_connections import OrphanedConnections
from opsroom_messaging.client.request_client import RequestClient

_LEAVE_PATIENCE_SECONDS = 8.0
_REJOIN_PATIENCE_SECONDS = 30.0
_ORPHAN_GRACE_SECONDS = 1.0

log = logging.getLogger(__name__)


class SessionOwner(Protocol):
    """Whoever holds a connection; told when the connection can't be kept."""

    def lost(self, *, exited: bool) -> None:
        """The person left elsewhere (``exited``), or their name went to someone else meanwhile."""


@dataclass(slots=True)
class Session:
    """One connection of one person through this gateway; ``seq``: the record's sequence that shows it."""

    connection: Connection
    dialect: ProtocolVersion
    user_id: str
    name: str
    owner: SessionOwner
    seq: int
    rejoining: bool = False


class Sessions:
    """Joins and leaves on behalf of sockets, and joins again what was taken off while its socket lived.

    That happens when this process slept through its lease: its people were taken off the list. And takes
    off what nobody here answers for: a join whose answer never came may have been stored all the same.
    """

    def __init__(self, requester: RequestClient, gateway: str) -> None:
        self._requester = requester
        self._gateway = gateway
        self._by_user: dict[str, dict[str, Session]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[str] = set()
        """Connections of ours that are no sessions, and that somebody here will see to."""
        self._orphans = OrphanedConnections()

    def new_connection(self) -> Connection:
        """A connection id of this gateway that nobody has yet."""
        return Connection(id=uuid4().hex, gateway=self._gateway)

    async def join(self, request: JoinRequest, owner: SessionOwner) -> tuple[Session, JoinReply]:
        """Put a connection on a person's record.

        Raises:
            FaultError: what the chat service refused.
        """
        with self.pending(request.connection.id):
            reply = await self._requester.ask(ChatSubject.JOIN, request, JoinReply)
        user = reply.user
        session = Session(request.connection, request.dialect, user.id, user.name, owner, reply.seq)
        self._by_user.setdefault(reply.user.id, {})[request.connection.id] = session
        return session, reply

    @contextmanager
    def pending(self, connection: str) -> Iterator[None]:
        """Answer for a connection while it is brought onto a record; if that fails it is taken off again."""
        self.mark_pending(connection)
        try:
            yield
        except BaseException:
            self._pending.discard(connection)
            if connection in self._orphans:
                self._spawn(self._remove_orphan(connection))
            raise
        self.resolve_pending(connection)

    def mark_pending(self, connection: str) -> None:
        """Answer for a connection until ``resolve_pending``."""
        self._pending.add(connection)

    def resolve_pending(self, connection: str) -> None:
        """It is a session now, or off the record."""
        self._pending.discard(connection)
        self._orphans.discard(connection)

    async def leave(self, session: Session, manner: LeaveReason, *, everywhere: bool = False) -> int:
        """Take a connection (``everywhere``: all of the person's) off; answers the sequence that shows it.

        If the chat service can't be told, this gateway's lease or the next restart will.
        """
        self._drop(session)
        request = LeaveRequest(
            user_id=session.user_id,
            connections=() if everywhere else (session.connection.id,),
            manner=manner,
        )
        return await self._send_leave(request)

    async def leave_connections(self, user_id: str, connections: tuple[str, ...], manner: LeaveReason) -> int:
        """Take connections off a person's record, whoever answers for them."""
        for connection in connections:
            session = self._by_user.get(user_id, {}).get(connection)
            if session is not None:
                self._drop(session)
        return await self._send_leave(LeaveRequest(user_id=user_id, connections=connections, manner=manner))

    def on_member(self, member: Member, seq: int) -> None:
        """Compare a changed record with the sockets that live here."""
        sessions = self._by_user.get(member.user.id, {})
        self._note_orphans(member, sessions)
        known = {connection.id for connection in member.connections}
        for session in list(sessions.values()):
            # A record without a sequence is one that vanished altogether.
            if session.connection.id in known or session.rejoining or 0 < seq <= session.seq:
                continue
            if member.exited:
                self._drop(session)
                session.owner.lost(exited=True)
            else:
                self._spawn(self._rejoin(session))

    def _note_orphans(self, member: Member, sessions: dict[str, Session]) -> None:
        """See which connections of ours are on this record and are no sessions."""
        listed = {connection.id for connection in member.connections if connection.gateway == self._gateway}
        known = self._orphans.connections_of(member.user.id)
        for connection in known - listed:
            self._orphans.discard(connection)
        for connection in listed - sessions.keys() - known:
            self._orphans.add(connection, member.user.id)
            self._spawn(self._remove_orphan(connection))

    async def _remove_orphan(self, connection: str) -> None:
        """Take a stray off its record, unless somebody sees to it: what is on its way passes in no time."""
        await asyncio.sleep(_ORPHAN_GRACE_SECONDS)
        user_id = self._orphans.owner(connection)
        if user_id is None or connection in self._pending or connection in self._by_user.get(user_id, {}):
            return
        log.warning("connection %s of %s has no socket: it is taken off the record", connection, user_id)
        request = LeaveRequest(user_id=user_id, connections=(connection,), manner=LeaveReason.CLOSED)
        await self._send_leave(request)

    async def close(self) -> None:
        """Wait for what is under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _rejoin(self, session: Session) -> None:
        session.rejoining = True
        request = JoinRequest(
            connection=session.connection,
            user_id=session.user_id,
            dialect=session.dialect,
            name=session.name,
        )
        try:
            reply = await self._requester.ask(
                ChatSubject.JOIN, request, JoinReply, patience=_REJOIN_PATIENCE_SECONDS
            )
        except FaultError as error:
            log.warning("the connection of %s can't be kept: %s", session.user_id, error)
            self._drop(session)
            session.owner.lost(exited=False)
            return
        finally:
            session.rejoining = False
        session.seq = max(session.seq, reply.seq)
        if session.connection.id not in self._by_user.get(session.user_id, {}):
            # The socket closed while we asked.
            connections = (session.connection.id,)
            await self.leave_connections(session.user_id, connections, LeaveReason.CLOSED)

    async def _send_leave(self, request: LeaveRequest) -> int:
        for connection in request.connections:
            self.mark_pending(connection)
        try:
            reply = await self._requester.ask(
                ChatSubject.LEAVE, request, LeaveReply, patience=_LEAVE_PATIENCE_SECONDS
            )
        except FaultError as error:
            level = logging.WARNING if error.fault.code in RETRYABLE else logging.ERROR
            log.log(level, "a leave of %s was not taken: %s", request.user_id, error)
            self._spawn(self._retry_leave(request))
            return 0
        self._leave_sent(request)
        return reply.seq

    def _leave_sent(self, request: LeaveRequest) -> None:
        for connection in request.connections:
            self.resolve_pending(connection)

    async def _retry_leave(self, request: LeaveRequest) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._requester.ask(ChatSubject.LEAVE, request, LeaveReply)
            except FaultError as error:
                if error.fault.code in RETRYABLE:
                    continue
            self._leave_sent(request)
            return

    def _drop(self, session: Session) -> None:
        sessions = self._by_user.get(session.user_id, {})
        sessions.pop(session.connection.id, None)
        if not sessions:
            self._by_user.pop(session.user_id, None)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
