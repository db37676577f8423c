"""A chat connection that reconnects and resumes by itself."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Self, assert_never
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from opsroom_client.backoff import Backoff
from opsroom_client.errors import (
    NotAcknowledgedError,
    OpsroomError,
    RequestRejectedError,
    UnexpectedResponseError,
    UnreachableError,
    validating_request,
)
from opsroom_client.pending_sends import PendingSends
from opsroom_client.people import People
from opsroom_client.position import Position, position_from
from opsroom_client.receive_buffer import ReceiveBuffer
from opsroom_client.reconnect_policy import close_code_of, delay_after_close, delay_after_rejected_handshake
from opsroom_client.unread import UnreadRooms
from opsroom_contracts.chat.frames import (
    SERVER_FRAME,
    SUBPROTOCOL,
    AckFrame,
    AcknowledgedFrame,
    DeleteFrame,
    EditedFrame,
    EditFrame,
    ErrorFrame,
    HeartbeatFrame,
    HelloFrame,
    JoinedFrame,
    LeaveFrame,
    LeftFrame,
    MessageFrame,
    MutedFrame,
    NotificationsFrame,
    PinFrame,
    ReactFrame,
    ReadFrame,
    ReadNotice,
    RemovedFrame,
    ResetFrame,
    RoomFrame,
    SendFrame,
    ServerFrame,
    StoredFrame,
    ThreadsNotice,
    TypingFrame,
    TypingNotice,
    UnmutedFrame,
    UsersFrame,
    UsersPageFrame,
    WelcomeFrame,
)
from opsroom_contracts.chat.models import User
from opsroom_contracts.chat.reads import RoomUnread
from opsroom_contracts.chat.rooms import RoomView
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.codec import ContractError, UnknownKindError, decode_lenient, encode
from opsroom_contracts.serialization.model import Model

BroadcastFrame = (
    StoredFrame
    | ResetFrame
    | JoinedFrame
    | LeftFrame
    | RoomFrame
    | ReadNotice
    | NotificationsFrame
    | ThreadsNotice
    | TypingNotice
    | MutedFrame
    | UnmutedFrame
)
ChatEvent = WelcomeFrame | BroadcastFrame | ErrorFrame
"""An event of the chat. A welcome comes after each (re)connect, with the first users of the current list."""

_OPEN_SECONDS = 10.0
PING_SECONDS = 15.0
"""The default interval of pings, and the timeout of each."""
_CLOSE_SECONDS = 5.0
"""How long to wait for the peer's close frame, which never comes if the connection is dead."""
_LEAVE_SECONDS = 10.0
_MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Large, since a welcome lists all users."""


class Chat:
    """An async context manager and an async iterator of :data:`ChatEvent`.

    Leaving the context closes the connection; the server reserves the name for a while. :meth:`leave`
    releases it.

    Attributes:
        user: the own user.
        rooms: the user's rooms by id, except those that everybody is in.
        position: the position after the last event seen; None: before the first welcome.
    """

    user: User
    rooms: dict[str, RoomView]

    def __init__(
        self,
        url: str,
        token: str,
        *,
        since: int | Position | None,
        timeout: float,
        tls: ssl.SSLContext | None,
        ping_seconds: float,
    ) -> None:
        self._url = url
        self._token = token
        self.position = None if since is None else position_from(since)
        self._timeout = timeout
        self._tls = tls
        self._ping_seconds = ping_seconds
        self._people = People()
        self.rooms = {}
        self._socket: ClientConnection | None = None
        self._pending = PendingSends()
        self._received: ReceiveBuffer[ChatEvent] = ReceiveBuffer()
        self._welcomed = asyncio.Event()
        self._backoff = Backoff()
        self._last_error: ErrorFrame | None = None
        self._older_server = False
        self._has_pages = True
        self._asks_unread = False
        self._unread = UnreadRooms()
        self._last_failure = "no response yet"
        self._task: asyncio.Task[None] | None = None

    @property
    def seq(self) -> int | None:
        """The last sequence seen."""
        return None if self.position is None else self.position.seq

    def counting_unread(self) -> Self:
        """Keep count of what the user has not read; call it before the chat is entered."""
        self._asks_unread = True
        return self

    @property
    def unread(self) -> Mapping[str, RoomUnread]:
        """What the user has not read, by the room's id; empty unless the chat was opened with ``unread``."""
        return self._unread.rooms

    @property
    def users(self) -> dict[str, User]:
        """The users that are present, by id, in the order in which they joined.

        Of many, only the first, and those who have joined since: see :meth:`all_users`.
        """
        return self._people.users

    @property
    def user_count(self) -> int:
        """How many users are present."""
        return self._people.count

    async def all_users(self, timeout: float = 30.0) -> dict[str, User]:
        """Read the rest of the user list, and return all of it.

        Raises:
            UnreachableError: it did not arrive within ``timeout`` seconds.
            OpsroomError: the chat has ended.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._people.following is not None:
                    if self._task is None or self._task.done():
                        raise OpsroomError("the chat has ended")
                    self._people.changed.clear()
                    await self._send_frame(UsersFrame(after=self._people.following))
                    await self._people.changed.wait()
        except TimeoutError:
            raise UnreachableError(f"{self._url}: no list of users within {timeout:g} s") from None
        return self._people.users

    async def __aenter__(self) -> Self:
        """Connect and wait for the server's welcome.

        Raises:
            ClosedError: the server rejects the token.
            UnexpectedResponseError: the response is not one of a compatible server.
            UnreachableError: no welcome in time.
        """
        self._task = asyncio.create_task(self._run(), name="chat")
        welcomed = asyncio.create_task(self._welcomed.wait())
        try:
            await asyncio.wait(
                {self._task, welcomed}, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            welcomed.cancel()
            if not self._welcomed.is_set():
                await self._close()
        if self._welcomed.is_set():
            return self
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error
        raise UnreachableError(f"{self._url}: no welcome within {self._timeout:g} s: {self._last_failure}")

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatEvent:
        """The next event; the iteration ends after :meth:`leave`.

        Raises:
            ClosedError: the server closed the chat for another reason.
        """
        event = await self._received.get()
        if self._received.empty and self._received.overflowed and self._socket is not None:
            await self._socket.close()  # reconnect, and resume after the last message that was read
        return event

    async def send(
        self,
        text: str,
        *,
        room: str = "general",
        client_id: str | None = None,
        files: Sequence[str] = (),
        timeout: float = 30.0,
    ) -> AckFrame:
        """Send ``text``; returns once it is stored. Sends with the same ``client_id`` are stored once.

        ``files``: ids of uploaded files; with them, the text may be empty.

        Raises:
            RequestRejectedError: the server rejects the message.
            NotAcknowledgedError: no response within ``timeout`` seconds.
            ClosedError: the server closed the chat.
            OpsroomError: the chat has ended for another reason.
        """
        with validating_request():
            frame = SendFrame(
                client_id=client_id or uuid4().hex, room=room, text=text, files=tuple(files) or None
            )
        return await self._acknowledged(frame, timeout)

    async def reply(
        self,
        thread: str,
        text: str,
        *,
        room: str = "general",
        client_id: str | None = None,
        broadcast: bool = False,
        timeout: float = 30.0,
    ) -> AckFrame:
        """Reply to the message with the id ``thread``, in its thread; otherwise as :meth:`send`.

        ``broadcast``: the room shows the reply as well.
        """
        with validating_request():
            frame = SendFrame(
                client_id=client_id or uuid4().hex,
                room=room,
                text=text,
                thread=thread,
                broadcast=broadcast or None,
            )
        return await self._acknowledged(frame, timeout)

    async def edit(
        self,
        message_id: str,
        text: str,
        *,
        room: str = "general",
        client_id: str | None = None,
        timeout: float = 30.0,
    ) -> AckFrame:
        """Replace the text of an own message; returns once the text before it is erased.

        A retry with the same ``client_id`` does not undo a later edit. Raises as :meth:`send`.
        """
        with validating_request():
            frame = EditFrame(client_id=client_id or uuid4().hex, room=room, id=message_id, text=text)
        return await self._acknowledged(frame, timeout)

    async def delete(self, message_id: str, *, room: str = "general", timeout: float = 30.0) -> AckFrame:
        """Delete an own message; returns once its text is erased. Raises as :meth:`send`."""
        with validating_request():
            frame = DeleteFrame(client_id=uuid4().hex, room=room, id=message_id)
        return await self._acknowledged(frame, timeout)

    async def react(
        self, message_id: str, emoji: str, *, on: bool = True, room: str = "general", timeout: float = 30.0
    ) -> AckFrame:
        """React to a message; with ``on`` false, take the reaction back. Raises as :meth:`send`."""
        with validating_request():
            frame = ReactFrame(client_id=uuid4().hex, room=room, id=message_id, emoji=emoji, on=on)
        return await self._acknowledged(frame, timeout)

    async def pin(
        self, message_id: str, *, on: bool = True, room: str = "general", timeout: float = 30.0
    ) -> AckFrame:
        """Pin a message in its room; with ``on`` false, unpin it. Raises as :meth:`send`."""
        with validating_request():
            frame = PinFrame(client_id=uuid4().hex, room=room, id=message_id, on=on)
        return await self._acknowledged(frame, timeout)

    async def typing(self, room: str = "general") -> None:
        """Send a typing notification to the room; it is lost while disconnected."""
        await self._send_frame(TypingFrame(room=room))

    async def read(self, room: str, seq: int | None = None) -> None:
        """Note that everything in ``room`` up to ``seq`` is read, by default all of it, on all devices.

        A ``ReadNotice`` follows once it is stored. It is lost while disconnected.
        """
        known = self._unread.rooms.get(room)
        chosen = seq if seq is not None else None if known is None else known.last
        if chosen is not None:
            await self._send_frame(ReadFrame(room=room, seq=chosen))

    async def leave(self) -> None:
        """Leave the chat: the server removes the user from the list and releases the name.

        While disconnected, the server does not get this, and reserves the name as after any disconnect.
        """
        if self._task is None:
            raise OpsroomError("the chat was not entered")
        await self._send_frame(LeaveFrame())
        await asyncio.wait({self._task}, timeout=_LEAVE_SECONDS)

    async def _acknowledged(self, frame: AcknowledgedFrame, timeout: float) -> AckFrame:
        """Send ``frame``, again after retryable errors and reconnects; returns once it is acknowledged."""
        backoff = Backoff()
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        return await self._send_until_acknowledged(frame)
                    except RequestRejectedError as error:
                        if not error.retryable:
                            raise
                        await asyncio.sleep(backoff.next(error.retry_after or 0.0))
        except TimeoutError:
            raise NotAcknowledgedError(frame.client_id, timeout) from None

    async def _send_until_acknowledged(self, frame: AcknowledgedFrame) -> AckFrame:
        if self._task is None or self._task.done():
            raise OpsroomError("the chat has ended")
        future = self._pending.add(frame)
        try:
            await self._send_frame(frame)  # if this fails, it is sent again after the next welcome
            return await future
        finally:
            self._pending.remove(frame.client_id)

    async def _send_frame(self, frame: Model) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(encode(frame).decode())

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # mark it as retrieved: readers and senders got it already

    async def _run(self) -> None:
        """Connect, and reconnect until the user leaves or an error makes it pointless."""
        reason: BaseException | None = None
        try:
            while True:
                delay = await self._connect_once()
                if delay is None:
                    return
                await asyncio.sleep(self._backoff.next(delay))
        except OpsroomError as error:
            reason = error
            raise
        finally:
            ended = reason if isinstance(reason, OpsroomError) else OpsroomError("the chat has ended")
            self._pending.fail_all(ended)
            self._received.end(reason)

    async def _connect_once(self) -> float | None:
        """Connect and read until the connection ends.

        Returns the minimum delay before the next connection, in seconds; None: don't reconnect.
        """
        self._last_error = None
        self._older_server = False
        self._has_pages = True
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                open_timeout=_OPEN_SECONDS,
                ping_interval=self._ping_seconds,
                ping_timeout=self._ping_seconds,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MAX_FRAME_BYTES,
                ssl=self._tls,
            ) as socket:
                await self._send_hello(socket, self.position)
                while True:
                    payload = await socket.recv()
                    with suppress(UnknownKindError):  # frame types of a newer server are ignored
                        await self._handle(decode_lenient(SERVER_FRAME, payload, _MAX_FRAME_BYTES), socket)
        except ContractError as error:
            raise UnexpectedResponseError(f"a frame that can't be read: {error}") from None
        except ConnectionClosed as closed:
            self._last_failure = f"closed with {close_code_of(closed)}"
            return delay_after_close(closed, self._last_error)
        except InvalidStatus as error:
            self._last_failure = f"the handshake was rejected with {error.response.status_code}"
            return delay_after_rejected_handshake(self._url, error)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            self._last_failure = str(error) or type(error).__name__
            return 0.0
        finally:
            self._socket = None

    async def _send_hello(self, socket: ClientConnection, position: Position | None) -> None:
        since = None if position is None else position.seq
        epoch = None if position is None else position.epoch
        timestamp = None if position is None else position.timestamp
        pages = True if self._has_pages else None
        # Heartbeats not to see a dead connection, for which there are pings, but for their positions.
        hello = HelloFrame(
            token=self._token,
            since=since,
            epoch=epoch,
            timestamp=timestamp,
            heartbeats=pages,
            user_pages=pages,
            unread=True if self._asks_unread else None,
        )
        await socket.send(encode(hello).decode())

    async def _handle(self, frame: ServerFrame, socket: ClientConnection) -> None:
        match frame:
            case WelcomeFrame():
                await self._on_welcome(frame, socket)
            case AckFrame():
                self._pending.acknowledge(frame)
            case HeartbeatFrame():
                self._on_heartbeat(frame)
            case UsersPageFrame():
                self._people.on_page(frame)
            case ErrorFrame() if self._is_unknown_field(frame, "unread"):
                self._asks_unread = False
                await self._send_hello(socket, self.position)
            case ErrorFrame() if self._is_unknown_field(frame, "userPages", "heartbeats"):
                self._has_pages = False
                await self._send_hello(socket, self.position)
            case ErrorFrame() if not self._older_server and self._is_unknown_field(
                frame, "epoch", "timestamp"
            ):
                self._older_server, self._has_pages = True, False
                await self._send_hello(socket, None if self.seq is None else Position(self.seq))
            case ErrorFrame():
                self._last_error = frame
                if not self._pending.reject(frame):
                    self._received.put(frame)
            case _:
                await self._count(frame)
                self._on_broadcast(frame)

    async def _count(self, frame: BroadcastFrame) -> None:
        """Follow what is unread. It depends on sequences alone, so it doesn't matter what is read when."""
        again: int | None = None
        match frame:
            case MessageFrame():
                self._unread.on_message(frame, self.user.id)
            case EditedFrame():
                again = self._unread.on_edited(frame, self.user.id)
            case ReadNotice():
                self._unread.on_notice(frame)
            case ResetFrame():
                self._unread.on_reset(frame.seq)
            case RemovedFrame():
                again = self._unread.must_ask(frame.room, frame.message_seq)
            case _:
                pass
        if again is not None and isinstance(frame, EditedFrame | RemovedFrame):
            await self._send_frame(ReadFrame(room=frame.room, seq=again))

    def _is_unknown_field(self, error: ErrorFrame, *fields: str) -> bool:
        """Whether a gateway of an earlier release rejects the hello because of one of ``fields``."""
        return self._socket is None and error.code is ErrorCode.INVALID_REQUEST and error.field in fields

    def _on_broadcast(self, frame: BroadcastFrame) -> None:
        if isinstance(frame, StoredFrame):
            if frame.seq > (self.seq or 0):
                self._receive(frame)
            return
        match frame:
            case ResetFrame():
                self._receive(frame)
            case JoinedFrame():
                self._people.on_joined(frame.user)
                self._received.put(frame)
            case LeftFrame():
                self._people.on_left(frame.user)
                self._received.put(frame)
            case RoomFrame():
                self._on_room(frame)
                self._received.put(frame)
            case MutedFrame() | UnmutedFrame() | ReadNotice() | TypingNotice():
                self._received.put(frame)
            case NotificationsFrame() | ThreadsNotice():
                self._received.put(frame)
            case _:
                assert_never(frame)

    def _receive(self, frame: StoredFrame | ResetFrame) -> None:
        if not self._received.put(frame):
            return
        if isinstance(frame, ResetFrame):
            self.position = Position.of(frame)
        else:
            self.position = (self.position or Position(0)).after(frame.seq, frame.timestamp)

    def _on_heartbeat(self, frame: HeartbeatFrame) -> None:
        """Note that there was nothing for this user up to a position, unless something was not received."""
        seq, timestamp = frame.seq, frame.timestamp
        if seq is None or timestamp is None or self.position is None or self._received.overflowed:
            return
        if seq > self.position.seq:
            self.position = self.position.after(seq, timestamp)

    def _on_room(self, frame: RoomFrame) -> None:
        if frame.role is None:
            self.rooms.pop(frame.room.id, None)
        else:
            self.rooms[frame.room.id] = RoomView(room=frame.room, role=frame.role)

    async def _on_welcome(self, frame: WelcomeFrame, socket: ClientConnection) -> None:
        self.user = frame.user
        self._people.on_welcome(frame)
        self.rooms = {view.room.id: view for view in frame.rooms or ()}
        if self.position is None:
            self.position = Position.of(frame)
        elif self.position.epoch is None:
            self.position = replace(self.position, epoch=frame.epoch)
        if self._received.empty:
            self._received.resume()
        self._received.put(frame)
        self._backoff.reset()
        self._socket = socket
        self._welcomed.set()
        for room, seq in self._unread.on_welcome(frame.unread).items():
            await self._send_frame(ReadFrame(room=room, seq=seq))
        for pending in self._pending.frames():
            await self._send_frame(pending)
