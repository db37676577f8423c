"""``WS /api/v1/chat/ws``: hello, missed messages, then live messages."""

import asyncio
from dataclasses import dataclass
from typing import assert_never

from fastapi import WebSocket

from opsroom_contracts.chat.frames import (
    SUBPROTOCOL,
    AcknowledgedFrame,
    HelloFrame,
    LeaveFrame,
    ReadFrame,
    TypingFrame,
    UsersFrame,
)
from opsroom_contracts.chat.models import LeaveReason, TypingEvent, User
from opsroom_contracts.chat.moderation import RestrictionFields, RestrictionKind
from opsroom_contracts.chat.reads import Unread
from opsroom_contracts.chat.restrictions import refusal
from opsroom_contracts.close_codes import Close
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Action, Identity, Mode, identity_of, is_bot
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import typing_subject
from opsroom_gateway.api.chat_socket.codec import FrameReader
from opsroom_gateway.api.chat_socket.frame_requests import FrameRequests
from opsroom_gateway.api.chat_socket.replies import Heartbeats, Replies, plain_heartbeat
from opsroom_gateway.api.chat_socket.welcomes import Newcomer, Welcomes
from opsroom_gateway.auth.authorization import Authorizer, Principal
from opsroom_gateway.auth.revocation_watcher import RevocationWatcher
from opsroom_gateway.chat.commands import Speaker
from opsroom_gateway.fanout.replay import Cursor, HistoryGapError, Replayer
from opsroom_gateway.fanout.replay_buffer import Frame
from opsroom_gateway.metrics import error_counter
from opsroom_gateway.middleware.client_address import Client, client_of
from opsroom_gateway.middleware.rate_limits import Limits
from opsroom_gateway.presence.device_sessions import DeviceSession, DeviceSessions
from opsroom_gateway.presence.restriction_enforcer import is_ban
from opsroom_gateway.presence.room_notices import RoomNotices
from opsroom_gateway.presence.sessions import Session
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.projections.members_stream import OfPeople
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.projections.read_positions import ReadPositions
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_gateway.settings import GatewaySettings
from opsroom_gateway.transport.websocket.connection import WebSocketConnection, connection_of
from opsroom_gateway.transport.websocket.receive_queue import Event
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription
from opsroom_runtime.spans import SpanKind

_TYPING_EVERY_SECONDS = 1.0
_SEEN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ChatSocketContext:
    """Dependencies shared by all chat sockets."""

    broker: NatsConnection
    requests: FrameRequests
    devices: DeviceSessions
    members: MemberProjection
    members_subscription: StreamSubscription
    projection: MessageProjection
    replayer: Replayer
    limits: Limits
    settings: GatewaySettings
    access: Authorizer
    revocations: RevocationWatcher
    rooms: RoomProjection
    room_notices: RoomNotices
    reads: ReadPositions
    of_people: OfPeople
    heartbeats: Heartbeats
    welcomes: Welcomes


class _ClosedError(Exception):
    """The client disconnected, or the server is closing the socket."""


class ChatSocket:
    """One chat socket of one user."""

    __slots__ = (
        "_banned",
        "_client",
        "_connection",
        "_context",
        "_device",
        "_frames",
        "_identity",
        "_last_typing",
        "_left",
        "_owners",
        "_reads",
        "_replies",
        "_token",
        "_user",
        "_welcomed",
    )

    def __init__(self, context: ChatSocketContext, client: Client, connection: WebSocketConnection) -> None:
        self._context = context
        self._client = client
        self._connection = connection
        self._replies = Replies(connection, error_counter(context.broker.metrics))
        self._frames = FrameReader(connection, self._replies, context.limits.json_depth)
        self._device: DeviceSession | None = None
        self._token = ""
        self._user: User | None = None
        self._identity: Identity | None = None
        self._owners: tuple[tuple[str, Identity], ...] = ()
        self._last_typing = 0.0
        self._reads = False
        self._left = False
        self._banned = False
        self._welcomed = False

    def lost(self, *, exited: bool) -> None:
        """Close the socket: the user left through another one, or another user has taken the name."""
        self._left = True
        self._connection.close(Close.LEFT.value if exited else Close.NAME_LOST.value)

    async def open(self, websocket: WebSocket) -> None:
        """Process hello and send missed messages; then serve the socket by callbacks, without a task."""
        try:
            hello = await self._hello(websocket)
            await self._join(hello)
            await self._welcome_and_replay(hello)
        except _ClosedError:
            await self._end()
        except BaseException:
            await self._end()
            raise
        else:
            self._connection.serve_callback(self._on_messages)

    async def _on_messages(self, messages: list[Event]) -> None:
        """Handle what has arrived. New messages in a row are sent together, before what comes after them."""
        frames: list[AcknowledgedFrame] = []
        for message in messages:
            if message["type"] == "websocket.disconnect":
                await self._request(frames)
                await self._end()
                return
            frame = self._frames.read(message)
            if frame is None or self._left:
                continue
            if isinstance(frame, AcknowledgedFrame):
                if self._context.requests.admits(frame, self._client, self._sender(), self._replies):
                    frames.append(frame)
                continue
            if not isinstance(frame, TypingFrame | UsersFrame | ReadFrame):
                await self._request(frames)
                frames = []
            await self._handle(frame)
        await self._request(frames)

    async def _end(self) -> None:
        self._context.revocations.unwatch(self)
        if self._user is not None:
            self._context.projection.readers.unsubscribe(self._connection, self._user.id)
            self._context.room_notices.detach(self._connection, self._user.id)
            self._context.of_people.notifications.detach(self._connection, self._user.id)
            self._context.of_people.threads.detach(self._connection, self._user.id)
            if self._reads:
                self._context.reads.close(self._connection, self._user.id)
        self._context.members.readers.unsubscribe(self._connection)
        device, self._device = self._device, None
        if device is not None and not self._left:
            manner = LeaveReason.CLOSED if self._connection.closed_by_peer else LeaveReason.BROKEN
            if self._banned:
                manner = LeaveReason.EXIT
            await self._context.devices.leave(device, self, manner)

    async def _hello(self, websocket: WebSocket) -> HelloFrame:
        try:
            async with asyncio.timeout(self._context.settings.hello_seconds):
                frame = await self._frames.first(websocket)
        except TimeoutError:
            self._connection.close(Close.HELLO_EXPECTED.value)
            raise _ClosedError from None
        if frame is None:
            raise _ClosedError
        if not isinstance(frame, HelloFrame):
            self._replies.refuse(ErrorCode.HELLO_REQUIRED, "the first frame must be hello")
            self._connection.close(Close.HELLO_EXPECTED.value)
            raise _ClosedError
        return frame

    async def _join(self, hello: HelloFrame) -> None:
        enforcer = self._context.access.enforcer
        try:
            enforcer.check(self._client)
            self._context.limits.count_join(self._client)
            self._token = hello.token
            await self._authorize(hello.token)
            device = self._device = await self._context.devices.join(hello.token, self)
            # The list in the welcome must contain this user. A lagging gateway rejects the connection.
            if not await self._context.members_subscription.wait_for(device.session.seq, _SEEN_SECONDS):
                self._connection.close(Close.TRY_LATER.value)
                raise _ClosedError
            self._user, self._identity = device.user, self._identity_of(device.user)
            self._watch_device(device)
            enforcer.watch(
                self._connection,
                self._client,
                device.user.name,
                self._on_restriction,
                self._identity,
                owners=self._owners,
            )
        except FaultError as error:
            self._replies.fault(error)
            closes = {
                ErrorCode.TOKEN_INVALID: Close.TOKEN_INVALID,
                ErrorCode.FORBIDDEN: Close.TOKEN_INVALID,
                ErrorCode.NAME_TAKEN: Close.NAME_LOST,
                ErrorCode.BANNED: Close.BANNED,
            }
            self._banned = error.fault.code is ErrorCode.BANNED
            self._connection.close(closes.get(error.fault.code, Close.TRY_LATER).value)
            raise _ClosedError from None
        if not self._is_listed(device.session):
            self._connection.close(Close.TRY_LATER.value)
            raise _ClosedError

    def _identity_of(self, user: User) -> Identity:
        member = self._context.members.member(user.id)
        return identity_of(None if member is None else member.grant, user.id)

    def _is_listed(self, session: Session) -> bool:
        """Whether the user's record still has this connection.

        A revocation or an exit may have reached this gateway before the reply to the join, when there was no
        session to end.
        """
        member = self._context.members.member(session.user_id)
        connections = () if member is None else member.connections
        return any(one.id == session.connection.id for one in connections)

    async def _authorize(self, token: str) -> None:
        """Check that the token may chat, unless the portal is open to everyone and it is no bot's."""
        access = self._context.access
        if access.mode is Mode.OPEN and not is_bot(token):
            return
        principal = await access.from_token(token)
        access.check(principal, Action.CHAT)
        access.check_owner(self._client, principal)
        self._owners = access.owners(principal)

        def end() -> None:
            self._connection.close(Close.TOKEN_INVALID.value)

        self._context.revocations.watch(self, principal, Action.CHAT, end)

    def _watch_device(self, device: DeviceSession) -> None:
        """In ``open`` mode, where nothing else watches it: close the socket once its device is signed out."""

        def end() -> None:
            self._connection.close(Close.LEFT.value)

        member = self._context.members.member(device.user.id)
        self._context.revocations.watch_device(self, member, device.digest, end)

    async def _welcome_and_replay(self, hello: HelloFrame) -> None:
        context, user = self._context, self._user
        if user is None:
            raise AssertionError("welcome before join")
        unread = await self._unread(hello, user)
        if not self._connection.open:
            raise _ClosedError
        beat = context.settings.ping_seconds if hello.heartbeats else None
        newcomer = Newcomer(
            user, self._mute(), context.rooms.views(user.id), unread, beat, pages=bool(hello.user_pages)
        )
        self._connection.write(context.welcomes.frame(newcomer, context.replayer.position()))
        if hello.heartbeats:
            self._connection.heartbeat = plain_heartbeat
        self._welcomed = True
        context.members.readers.subscribe(self._connection)
        context.room_notices.attach(self._connection, user.id)
        if self._reads:
            context.reads.attach(self._connection, user.id, unread)
        if hello.notifications:
            context.of_people.notifications.attach(self._connection, user.id)
        if hello.threads:
            context.of_people.threads.attach(self._connection, user.id)
        if hello.since is not None:
            await self._replay(Cursor(hello.since, hello.epoch, hello.timestamp), user)
        elif unread is not None:
            await self._replay(Cursor(unread.as_of), user)  # what came after the count
        context.projection.readers.subscribe(self._connection, user.id)
        if hello.heartbeats:
            self._connection.heartbeat = context.heartbeats.frame

    async def _unread(self, hello: HelloFrame, user: User) -> Unread | None:
        if not hello.unread:
            return None
        self._reads = True
        return await self._context.reads.open(user.id)

    async def _replay(self, cursor: Cursor, user: User) -> None:
        """Send what the client missed. It must be subscribed right afterwards, without awaiting."""
        context = self._context

        def may_read(frame: Frame) -> bool:
            return frame.room is None or context.rooms.is_in(user.id, frame.room)

        try:
            async for part in context.replayer.replay_from(cursor, context.settings.replay_limit, may_read):
                self._connection.write(part.frames)
                if not part.last and not await self._connection.wait_drained():
                    raise _ClosedError
        except HistoryGapError:
            self._replies.reset(context.replayer.position())
            if self._reads:
                context.reads.recount(user.id)
        except UnavailableError:
            self._connection.close(Close.TRY_LATER.value)
            raise _ClosedError from None

    async def _handle(self, frame: TypingFrame | UsersFrame | ReadFrame | LeaveFrame | HelloFrame) -> None:
        match frame:
            case UsersFrame():
                self._replies.users(self._context.members.users, frame.after)
            case TypingFrame():
                await self._publish_typing(frame)
            case ReadFrame():
                self._context.reads.put(self._require_device().user.id, frame.room, frame.seq)
            case LeaveFrame():
                await self._leave()
            case HelloFrame():
                self._replies.refuse(ErrorCode.INVALID_REQUEST, "hello was already received", field="type")
            case _:
                assert_never(frame)

    async def _request(self, frames: list[AcknowledgedFrame]) -> None:
        """Send frames to their endpoints, as requests of this user, and acknowledge them."""
        if frames and not self._left:
            user_id = self._require_device().user.id
            with self._context.broker.tracer.span(f"frame {frames[0].type}", SpanKind.SERVER, {}):
                speaker = Speaker(self._client, self._principal)
                await self._context.requests.send(frames, user_id, speaker, self._replies)

    async def _principal(self) -> Principal:
        """Authenticate this socket's user again: what they may do may have changed since they joined.

        Raises:
            FaultError: ``token_invalid``; ``banned``; ``unavailable``.
        """
        access, client = self._context.access, self._client
        principal = await access.from_token(self._token, local=client.local)
        access.enforcer.check(client, principal.name, principal.identity)
        access.check_owner(client, principal)
        return principal

    def _sender(self) -> Identity:
        """Return the identity that this socket's messages count for."""
        return self._identity or self._require_device().user.id

    async def _publish_typing(self, frame: TypingFrame) -> None:
        now = asyncio.get_running_loop().time()
        if (
            now - self._last_typing < _TYPING_EVERY_SECONDS
            or self._user is None
            or self._mute() is not None
            or not self._context.rooms.is_in(self._user.id, frame.room)
            or not self._context.broker.connected
        ):
            return
        self._last_typing = now
        notice = TypingEvent(room=frame.room, user=self._user)
        await self._context.broker.publish(typing_subject(frame.room), encode(notice))

    def _mute(self) -> RestrictionFields | None:
        user = self._user
        return None if user is None else self._context.access.enforcer.mute_of(user.name, self._identity)

    def _on_restriction(self, restriction: RestrictionFields) -> None:
        """Apply a mute or ban of this user."""
        if is_ban(restriction):
            self._banned = True
            self._replies.fault(refusal(restriction))
            self._connection.close(Close.BANNED.value)
        elif restriction.kind is RestrictionKind.MUTE and self._welcomed:
            self._replies.muted(self._mute() or restriction)

    async def _leave(self) -> None:
        self._left = True
        await self._context.devices.exit(self._require_device(), self)
        self._connection.close(Close.LEFT.value)

    def _require_device(self) -> DeviceSession:
        if self._device is None:
            raise AssertionError("a frame was handled before the join")
        return self._device


async def serve_chat_socket(context: ChatSocketContext, websocket: WebSocket) -> None:
    """Accept a socket and serve it."""
    offered = websocket.scope.get("subprotocols") or []
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    await ChatSocket(context, client_of(websocket), connection_of(websocket)).open(websocket)
