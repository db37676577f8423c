"""The course contract's chat: translates its sockets and its registration into chat service requests."""

import asyncio
import base64
import logging
from collections.abc import Coroutine, Iterable
from uuid import uuid4

from opsroom_contracts.chat.models import (
    JoinRequest,
    LeaveReason,
    Member,
    MemberStatus,
    ProtocolVersion,
    SendRequest,
    User,
)
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.legacy import ROOM, ChatFrameType, LegacyFrame
from opsroom_gateway.chat.ordered_sends import OrderedSends
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.legacy.chat_sockets import CourseSocket, OnName
from opsroom_gateway.legacy.course_sessions import CourseSessions
from opsroom_gateway.legacy.domain.binding_guesses import Leave, Rebind
from opsroom_gateway.legacy.domain.frames import CourseFrame, NamedUser, read_frame
from opsroom_gateway.legacy.domain.socket_binding import Binding, same_address
from opsroom_gateway.legacy.domain.unbound_registrations import (
    UnboundRegistrations,
    connection_ids,
    is_socket,
)
from opsroom_gateway.legacy.impersonation_guard import ImpersonationGuard, Verdict
from opsroom_gateway.legacy.placeholder_connections import PlaceholderConnections
from opsroom_gateway.legacy.user_list import UserListPusher
from opsroom_gateway.presence.sessions import Session, Sessions
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.transport.websocket.connection import WebSocketConnection
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription

_SEND_PATIENCE_SECONDS = 15.0
_PROJECTION_SECONDS = 2.0

log = logging.getLogger(__name__)


class CourseChat:
    """All course clients of this process."""

    def __init__(
        self,
        requester: RequestClient,
        sessions: Sessions,
        members: tuple[MemberProjection, StreamSubscription],
        readers: Broadcaster,
        binding_seconds: float,
        guard: ImpersonationGuard,
    ) -> None:
        self.binding = Binding()
        self._guard = guard
        self._sends = OrderedSends(requester)
        self._sessions = sessions
        self._course_sessions = CourseSessions(sessions, self.binding)
        self._members, self._members_subscription = members
        self._readers = readers
        self._list = UserListPusher(self._members.users, readers)
        self._unbound = UnboundRegistrations()
        self._placeholders = PlaceholderConnections(requester, sessions, binding_seconds)
        self._sockets: dict[str, CourseSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self, name: str, origin: str) -> User:
        """Register a name. The user is listed at once, and stays listed if a socket is bound to them in time.

        Raises:
            FaultError: ``name_taken``, ``name_invalid``, ``unavailable``.
        """
        self._guard.check_name(name)
        returning = await self._returning(name, origin)
        if returning is not None:
            return returning
        reply = await self._placeholders.register(name, origin)
        await self._members_subscription.wait_for(reply.seq, _PROJECTION_SECONDS)
        return reply.user

    def open(self, origin: str, connection: WebSocketConnection, on_name: OnName) -> CourseSocket:
        """Add a socket, and send the user list to it and to everybody."""
        socket = CourseSocket(origin, connection, on_name)
        self._sockets[socket.id] = socket
        self._readers.subscribe(connection)
        self._start_rebinds(self.binding.open(socket.id, origin, self._unbound.from_origin(origin), _now()))
        self._list.welcome(connection)
        return socket

    def is_unbound(self, socket: CourseSocket) -> bool:
        """Return whether the socket has no user yet."""
        return self.binding.user_of(socket.id) is None

    async def receive(self, socket: CourseSocket, data: str | bytes) -> None:
        """Handle a frame from a socket; unknown frames are ignored.

        A message is only sent with ``flush``, together with those that arrived with it.
        """
        frame, verdict = read_frame(data), self._guard.judge(data)
        if frame is None or verdict is Verdict.IGNORED:
            return
        if frame.type == ChatFrameType.EXIT:
            await self.flush(socket)
            await self._exit(socket, frame.named)
            return
        await self._bind(socket, frame.named)
        if frame.type == ChatFrameType.SEND and verdict is Verdict.ALLOWED:
            socket.waiting.append(self._message(socket, frame, data))

    async def flush(self, socket: CourseSocket) -> None:
        """Send the messages of a socket that are waiting, in their order."""
        if not socket.waiting:
            return
        waiting, socket.waiting = socket.waiting, []
        sent = await self._sends.send(waiting, _SEND_PATIENCE_SECONDS)
        refusals = [one.fault for one in sent if isinstance(one, FaultError)]
        for fault in refusals:
            log.warning("could not relay a course frame: %s", fault.message)
        if any(fault.code in RETRYABLE for fault in refusals):
            socket.connection.close(Close.TRY_LATER.value)

    async def close(self, socket: CourseSocket) -> None:
        """Remove a socket; its user leaves unless they have another one, or another may be theirs."""
        await self.flush(socket)
        self._readers.unsubscribe(socket.connection)
        self._sockets.pop(socket.id, None)
        clean = socket.connection.closed_by_peer
        departure = self.binding.close(socket.id, _now(), clean=clean)
        await self._apply_rebinds(departure.rebinds, None)
        async with socket.lock:
            session = self._course_sessions.detach(socket)
        if session is not None:
            # Course clients have no token to resume with, so a clean close is an exit.
            await self._sessions.leave(session, _manner(departure.leave) if clean else LeaveReason.BROKEN)

    def on_member(self, member: Member, _seq: int) -> None:
        """Handle a member's changed record."""
        if self._unbound.on_member(member) and member.origin is not None:
            self._start_rebinds(self.binding.registered(member.user.id, member.origin, _now()))
        if member.status is MemberStatus.AWAY:
            self.binding.gone(member.user.id)
        self._list.on_change()

    async def stop(self) -> None:
        """Stop sending lists, and cancel tasks in progress."""
        self._list.close()
        await self._placeholders.stop()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    async def _returning(self, name: str, origin: str) -> User | None:
        """Return the user who registers again from the same page; None: the registration is new."""
        user_id = self._unbound.named(name)
        member = None if user_id is None else self._members.member(user_id)
        if member is None or not self.binding.is_returning(member.user.id, origin):
            return None
        await self._apply_rebinds(self.binding.returned(member.user.id, _now()), None)
        if not any(map(is_socket, connection_ids(member))):
            await self._placeholders.restore(member.user.id)
        return member.user

    async def _bind(self, socket: CourseSocket, named: NamedUser) -> None:
        user_id = self._resolve(named)
        if user_id is None or self.binding.has_exited(socket.id, user_id):
            return
        rebinds = self.binding.claim(socket.id, user_id, _now())
        if rebinds:
            await self.flush(socket)  # before its user leaves
        await self._apply_rebinds(rebinds, named.name)

    def _resolve(self, named: NamedUser) -> str | None:
        """Return the course client that a frame names; without a record both id and name are needed."""
        if named.user_id is not None:
            member = self._members.member(named.user_id)
            if member is not None:
                return member.user.id if member.dialect is ProtocolVersion.COURSE else None
            if named.name is not None and self._unbound.named(named.name) is None:
                return named.user_id
        return None if named.name is None else self._unbound.named(named.name)

    async def _exit(self, socket: CourseSocket, named: NamedUser) -> None:
        if not named.is_empty:
            user_id = self._resolve(named)
            member = None if user_id is None else self._members.member(user_id)
            if member is None or not self.binding.accepts_exit(socket.id, member.user.id, member.origin):
                self._list.push()
                return
            await self._bind(socket, named)
            if self.binding.user_of(socket.id) != user_id:
                self._list.push()
                return
        await self._leave(socket)

    async def _leave(self, socket: CourseSocket) -> None:
        done = self.binding.exit(socket.id, _now())
        user_id = done.user_id
        await self._apply_rebinds(done.departure.rebinds, None)
        gone: list[str] = []
        for socket_id in done.socket_ids:
            other = self._sockets[socket_id]
            async with other.lock:
                if other.session is not None and other.session.user_id == user_id:
                    session = self._course_sessions.detach(other)
                    if session is not None:
                        gone.append(session.connection.id)
        member = None if user_id is None else self._members.member(user_id)
        if member is not None and member.origin == socket.origin:
            gone += [name for name in connection_ids(member) if not is_socket(name)]
        if user_id is None or not gone:
            self._list.push()
            return
        seq = await self._sessions.leave_connections(user_id, tuple(gone), _manner(done.departure.leave))
        await self._members_subscription.wait_for(seq, _PROJECTION_SECONDS)
        self._list.push()

    def _message(self, socket: CourseSocket, frame: CourseFrame, data: str | bytes) -> SendRequest:
        return SendRequest(
            user_id=self.binding.user_of(socket.id),
            guest_name=frame.named.name,
            client_id=uuid4().hex,
            room=ROOM,
            text=frame.text,
            raw=_raw(data),
        )

    def _start_rebinds(self, rebinds: list[Rebind]) -> None:
        if rebinds:
            self._spawn(self._apply_rebinds(rebinds, None))

    async def _apply_rebinds(self, rebinds: Iterable[Rebind], name: str | None) -> None:
        """Join all new users before any former one leaves, so that nobody leaves the list in between."""
        formers: list[tuple[Session, Leave]] = []
        for rebind in rebinds:
            socket = self._sockets.get(rebind.socket_id)
            if socket is not None:
                async with socket.lock:
                    former = await self._rebind(socket, rebind, name)
                if former is not None:
                    formers.append((former, rebind.leave))
        for former, leave in formers:
            if leave is Leave.DISPLACED:
                await self._placeholders.restore(former.user_id)
            await self._sessions.leave(former, _manner(leave))

    async def _rebind(self, socket: CourseSocket, rebind: Rebind, name: str | None) -> Session | None:
        """Give a socket its new user. Returns the session of the former one, who has yet to leave."""
        if socket.id not in self._sockets or self.binding.user_of(socket.id) != rebind.new_user:
            return None  # it was closed or rebound in the meantime
        former = self._course_sessions.detach(socket)
        if rebind.new_user is not None:
            await self._join(socket, rebind.new_user, name)
        return former

    async def _join(self, socket: CourseSocket, user_id: str, name: str | None) -> None:
        member = self._members.member(user_id)
        request = JoinRequest(
            connection=self._sessions.new_connection(),
            user_id=user_id,
            dialect=ProtocolVersion.COURSE,
            name=name if member is None else member.user.name,
            origin=socket.origin if member is None else None,
        )
        try:
            await self._course_sessions.join(socket, request, user_id)
        except FaultError as error:
            log.info("could not bind a socket to %s: %s", user_id, error)
            self.binding.unbind(socket.id)
            return
        # A socket from another address may be anybody's: it does not end the registration.
        if member is not None and same_address(member.origin, socket.origin):
            registrations = tuple(name for name in connection_ids(member) if not is_socket(name))
            await self._course_sessions.end_placeholders(user_id, registrations)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _manner(leave: Leave) -> LeaveReason:
    """Return how the chat service removes a user's last connection."""
    return LeaveReason.BROKEN if leave is Leave.DOUBTFUL else LeaveReason.EXIT


def _raw(data: str | bytes) -> LegacyFrame:
    if isinstance(data, str):
        return LegacyFrame(data=data)
    return LegacyFrame(data=base64.b64encode(data).decode(), binary=True)
