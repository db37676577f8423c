"""The connections of users to this gateway, kept in step with the chat service's records."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import (
    Connection,
    JoinReply,
    JoinRequest,
    LeaveReason,
    LeaveRequest,
    Member,
    ProtocolVersion,
)
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_gateway.presence.join_batches import JoinBatches
from opsroom_gateway.presence.orphaned_connections import OrphanedConnections
from opsroom_messaging.client.request_client import RequestClient

_LEAVE_PATIENCE_SECONDS = 8.0
_REJOIN_PATIENCE_SECONDS = 30.0
_ORPHAN_GRACE_SECONDS = 1.0

log = logging.getLogger(__name__)


class SessionOwner(Protocol):
    """The owner of a session, notified when the session can't be kept."""

    def lost(self, *, exited: bool) -> None:
        """The user left from another connection (``exited``), or the name now belongs to somebody else."""


@dataclass(slots=True)
class Session:
    """One connection of one user to this gateway. ``seq``: the sequence of the record that has it."""

    connection: Connection
    dialect: ProtocolVersion
    user_id: str
    name: str
    owner: SessionOwner
    seq: int
    rejoin: asyncio.Task[None] | None = None
    """The last time that the connection was put on the record again."""

    @property
    def rejoining(self) -> bool:
        """Whether the record may lack the connection, because a request to add it again is in progress."""
        return self.rejoin is not None and not self.rejoin.done()


class Sessions:
    """Joins and leaves on behalf of sockets, and corrections when the record and the sockets differ.

    If this process stalls longer than its lease, its users are taken off the list: they are joined again. If
    a join was stored but its reply was lost, the record has an orphaned connection: it is removed.
    """

    def __init__(self, requester: RequestClient, gateway: str) -> None:
        self._requester = requester
        self._joins = JoinBatches(requester)
        self._gateway = gateway
        self._by_user: dict[str, dict[str, Session]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[str] = set()
        """Connections of ours without a session that an operation in progress is responsible for."""
        self._orphans = OrphanedConnections()

    def new_connection(self) -> Connection:
        """Return a new connection of this gateway."""
        return Connection(id=uuid4().hex, gateway=self._gateway)

    async def join(self, request: JoinRequest, owner: SessionOwner) -> tuple[Session, JoinReply]:
        """Add a connection to a member's record.

        Raises:
            FaultError: the chat service's error.
        """
        with self.pending(request.connection.id):
            reply = await self._joins.join(request)
        user = reply.user
        session = Session(request.connection, request.dialect, user.id, user.name, owner, reply.seq)
        self._by_user.setdefault(reply.user.id, {})[request.connection.id] = session
        return session, reply

    @contextmanager
    def pending(self, connection: str) -> Iterator[None]:
        """Be responsible for a connection while it is added to a record. On failure it is removed again."""
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
        """Be responsible for a connection until ``resolve_pending``."""
        self._pending.add(connection)

    def resolve_pending(self, connection: str) -> None:
        """End the responsibility: the connection has a session, or is off the record."""
        self._pending.discard(connection)
        self._orphans.discard(connection)

    async def leave(self, session: Session, manner: LeaveReason, *, everywhere: bool = False) -> int:
        """Remove a connection (``everywhere``: all of the user's). Returns the sequence of the new record.

        If the chat service is unavailable, this is retried; after a crash the lease's expiry does it.
        """
        self._drop(session)
        request = LeaveRequest(
            user_id=session.user_id,
            connections=() if everywhere else (session.connection.id,),
            manner=manner,
        )
        return await self._send_leave(request)

    async def leave_connections(self, user_id: str, connections: tuple[str, ...], manner: LeaveReason) -> int:
        """Remove connections from a member's record, whether or not they have sessions here."""
        for connection in connections:
            session = self._by_user.get(user_id, {}).get(connection)
            if session is not None:
                self._drop(session)
        return await self._send_leave(LeaveRequest(user_id=user_id, connections=connections, manner=manner))

    def on_member(self, member: Member, seq: int) -> None:
        """Compare a changed record with the sockets of this gateway."""
        sessions = self._by_user.get(member.user.id, {})
        self._note_orphans(member, sessions)
        known = {connection.id for connection in member.connections}
        for session in list(sessions.values()):
            # The sequence is 0 if the record has disappeared.
            if session.connection.id in known or session.rejoining or 0 < seq <= session.seq:
                continue
            if member.exited:
                self._drop(session)
                session.owner.lost(exited=True)
            else:
                session.rejoin = self._spawn(self._rejoin(session))

    def compare(self, find: Callable[[str], Member | None], position: int | None) -> None:
        """Compare all sockets with their records, which were read again.

        ``position``: the last sequence that was read; a session that was stored later is left out. None: the
        stream is another one, so the sequences of all sessions are void.
        """
        for session in [session for sessions in self._by_user.values() for session in sessions.values()]:
            if position is None:
                session.seq = 0
            elif session.seq > position:
                continue
            member = find(session.user_id)
            if session.rejoining or (member is not None and session.connection in member.connections):
                continue
            session.rejoin = self._spawn(self._rejoin(session))

    def _note_orphans(self, member: Member, sessions: dict[str, Session]) -> None:
        """Update the orphans of this record, and schedule the removal of new ones."""
        listed = {connection.id for connection in member.connections if connection.gateway == self._gateway}
        known = self._orphans.connections_of(member.user.id)
        for connection in known - listed:
            self._orphans.discard(connection)
        for connection in listed - sessions.keys() - known:
            self._orphans.add(connection, member.user.id)
            if connection not in self._pending:  # otherwise, what is in progress removes it if it fails
                self._spawn(self._remove_orphan(connection))

    async def _remove_orphan(self, connection: str) -> None:
        """Remove an orphan from its record unless it is resolved or pending after a grace period."""
        await asyncio.sleep(_ORPHAN_GRACE_SECONDS)
        user_id = self._orphans.owner(connection)
        if user_id is None or connection in self._pending or connection in self._by_user.get(user_id, {}):
            return
        log.warning("connection %s of %s has no socket; removing it from the record", connection, user_id)
        request = LeaveRequest(user_id=user_id, connections=(connection,), manner=LeaveReason.CLOSED)
        await self._send_leave(request)

    async def close(self) -> None:
        """Cancel tasks that are in progress."""
        await self._joins.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _rejoin(self, session: Session) -> None:
        request = JoinRequest(
            connection=session.connection,
            user_id=session.user_id,
            dialect=session.dialect,
            name=session.name,
        )
        try:
            reply = await self._requester.request(endpoints.JOIN, request, timeout=_REJOIN_PATIENCE_SECONDS)
        except FaultError as error:
            log.warning("could not rejoin the connection of %s: %s", session.user_id, error)
            self._drop(session)
            session.owner.lost(exited=False)
            return
        session.seq = max(session.seq, reply.seq)
        if session.connection.id not in self._by_user.get(session.user_id, {}):
            # The socket closed during the request.
            connections = (session.connection.id,)
            await self.leave_connections(session.user_id, connections, LeaveReason.CLOSED)

    async def _send_leave(self, request: LeaveRequest) -> int:
        for connection in request.connections:
            self.mark_pending(connection)
        try:
            reply = await self._requester.request(endpoints.LEAVE, request, timeout=_LEAVE_PATIENCE_SECONDS)
        except FaultError as error:
            level = logging.WARNING if error.fault.code in RETRYABLE else logging.ERROR
            log.log(level, "a leave of %s failed and will be retried: %s", request.user_id, error)
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
                await self._requester.request(endpoints.LEAVE, request)
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

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
