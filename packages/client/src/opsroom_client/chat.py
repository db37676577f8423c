"""A person's place in the chat, kept through every break of the connection."""

import asyncio
import ssl
from contextlib import suppress
from typing import Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from opsroom_client.backoff import Backoff
from opsroom_client.errors import (
    NotAcknowledgedError,
    OpsroomError,
    RefusedError,
    UnexpectedResponseError,
    UnreachableError,
    refusing,
)
from opsroom_client.pending_sends import PendingSends
from opsroom_client.receive_buffer import ReceiveBuffer
from opsroom_client.reconnect_policy import close_code_of, delay_after_close, delay_after_rejected_handshake
from opsroom_contracts.chat import User
from opsroom_contracts.codec import ContractError, UnknownKindError, decode_lenient, encode
from opsroom_contracts.frames import (
    SERVER_FRAME,
    SUBPROTOCOL,
    AckFrame,
    ErrorFrame,
    HelloFrame,
    JoinedFrame,
    LeaveFrame,
    LeftFrame,
    MessageFrame,
    MutedFrame,
    RemovedFrame,
    ResetFrame,
    SendFrame,
    ServerFrame,
    TypingFrame,
    TypingNotice,
    UnmutedFrame,
    WelcomeFrame,
)
from opsroom_contracts.model import Model

News = (
    MessageFrame
    | RemovedFrame
    | ResetFrame
    | JoinedFrame
    | LeftFrame
    | TypingNotice
    | MutedFrame
    | UnmutedFrame
)
ChatEvent = WelcomeFrame | News | ErrorFrame
"""What the chat tells. A welcome comes at first and after each break, with the list of people anew."""

_OPEN_SECONDS = 10.0
_LEAVE_SECONDS = 10.0
_FRAME_BYTES = 16 * 1024 * 1024
"""A welcome lists everybody."""


class Chat:
    """An async context manager, and an async iterator of what the chat tells (see :data:`ChatEvent`).

    Leaving the context closes the connection; the name stays held for a while. :meth:`leave` gives it up.

    Attributes:
        user: who one is.
        users: who is here, by id, in the order in which they came.
        seq: the last sequence seen.
    """

    user: User
    users: dict[str, User]

    def __init__(
        self, url: str, token: str, *, since: int | None, patience: float, tls: ssl.SSLContext | None
    ) -> None:
        self._url = url
        self._token = token
        self.seq = since
        self._patience = patience
        self._tls = tls
        self.users = {}
        self._socket: ClientConnection | None = None
        self._outgoing = PendingSends()
        self._incoming: ReceiveBuffer[ChatEvent] = ReceiveBuffer()
        self._welcomed = asyncio.Event()
        self._backoff = Backoff()
        self._refusal: ErrorFrame | None = None
        self._trouble = "no answer yet"
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Say hello and wait to be welcomed.

        Raises:
            ClosedError, RefusedError: the server does not want this token, or not now.
            UnreachableError: no welcome in time.
        """
        self._task = asyncio.create_task(self._run(), name="chat")
        welcomed = asyncio.create_task(self._welcomed.wait())
        try:
            await asyncio.wait(
                {self._task, welcomed}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            welcomed.cancel()
            if not self._welcomed.is_set():
                await self._end()
        if self._welcomed.is_set():
            return self
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error
        raise UnreachableError(f"{self._url}: no welcome within {self._patience:g} s: {self._trouble}")

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatEvent:
        """The next thing told; ends when one has left.

        Raises:
            ClosedError: the server ended it for another reason.
        """
        event = await self._incoming.get()
        if self._incoming.empty and self._incoming.missed and self._socket is not None:
            await self._socket.close()  # comes back, and asks from the last message that was read
        return event

    async def send(
        self, text: str, *, room: str = "general", client_id: str | None = None, timeout: float = 30.0
    ) -> AckFrame:
        """Say ``text``; returns once it is stored. The same ``client_id`` is stored once, whenever it comes.

        Raises:
            RefusedError: it can't be said.
            NotAcknowledgedError: no word within ``timeout`` seconds.
            ClosedError: the chat is over.
        """
        with refusing():
            frame = SendFrame(client_id=client_id or uuid4().hex, room=room, text=text)
        backoff = Backoff()
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        return await self._acknowledged(frame)
                    except RefusedError as error:
                        if not error.retryable:
                            raise
                        await asyncio.sleep(backoff.next(error.retry_after or 0.0))
        except TimeoutError:
            raise NotAcknowledgedError(frame.client_id, timeout) from None

    async def typing(self, room: str = "general") -> None:
        """Tell the room that one types; lost if there is no connection at this moment."""
        await self._say(TypingFrame(room=room))

    async def leave(self) -> None:
        """Leave for good: off the list at once, the name free.

        Without a connection nobody is told, and the name is held as after any break.
        """
        if self._task is None:
            raise OpsroomError("the chat was not entered")
        await self._say(LeaveFrame())
        await asyncio.wait({self._task}, timeout=_LEAVE_SECONDS)

    async def _acknowledged(self, frame: SendFrame) -> AckFrame:
        if self._task is None or self._task.done():
            raise OpsroomError("the chat is over")
        future = self._outgoing.expect(frame)
        try:
            await self._say(frame)  # if that fails, it is said again after the next welcome
            return await future
        finally:
            self._outgoing.forget(frame.client_id)

    async def _say(self, frame: Model) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(encode(frame).decode())

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # whoever reads or sends has been told

    async def _run(self) -> None:
        """Connect, and again, until left, ended, or told that it's no use."""
        reason: BaseException | None = None
        try:
            while True:
                wait = await self._connection()
                if wait is None:
                    return
                await asyncio.sleep(self._backoff.next(wait))
        except OpsroomError as error:
            reason = error
            raise
        finally:
            over = reason if isinstance(reason, OpsroomError) else OpsroomError("the chat is over")
            self._outgoing.fail(over)
            self._incoming.end(reason)

    async def _connection(self) -> float | None:
        """One connection to its end. Seconds to wait at least before the next; None: no other."""
        self._refusal = None
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                open_timeout=_OPEN_SECONDS,
                max_size=_FRAME_BYTES,
                ssl=self._tls,
            ) as socket:
                hello = HelloFrame(token=self._token, since=self.seq)
                await socket.send(encode(hello).decode())
                while True:
                    payload = await socket.recv()
                    with suppress(UnknownKindError):  # a newer server says more than we know
                        await self._take(decode_lenient(SERVER_FRAME, payload, _FRAME_BYTES), socket)
        except ContractError as error:
            raise UnexpectedResponseError(f"a frame that can't be read: {error}") from None
        except ConnectionClosed as closed:
            self._trouble = f"closed with {close_code_of(closed)}"
            return delay_after_close(closed, self._refusal)
        except InvalidStatus as error:
            self._trouble = f"the handshake was answered with {error.response.status_code}"
            return delay_after_rejected_handshake(self._url, error)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            self._trouble = str(error) or type(error).__name__
            return 0.0
        finally:
            self._socket = None

    async def _take(self, frame: ServerFrame, socket: ClientConnection) -> None:
        match frame:
            case WelcomeFrame():
                await self._welcome(frame, socket)
            case AckFrame():
                self._outgoing.acknowledged(frame)
            case ErrorFrame():
                self._refusal = frame
                if not self._outgoing.refused(frame):
                    self._incoming.put(frame)
            case _:
                self._hear(frame)

    def _hear(self, frame: News) -> None:
        if isinstance(frame, JoinedFrame):
            self.users[frame.user.id] = frame.user
        elif isinstance(frame, LeftFrame):
            self.users.pop(frame.user.id, None)
        elif isinstance(frame, MessageFrame | RemovedFrame) and frame.seq <= (self.seq or 0):
            return
        if self._incoming.put(frame) and isinstance(frame, MessageFrame | RemovedFrame | ResetFrame):
            self.seq = frame.seq

    async def _welcome(self, frame: WelcomeFrame, socket: ClientConnection) -> None:
        self.user = frame.user
        self.users = {user.id: user for user in frame.users}
        if self.seq is None:
            self.seq = frame.seq
        if self._incoming.empty:
            self._incoming.resume()
        self._incoming.put(frame)
        self._backoff.reset()
        self._socket = socket
        self._welcomed.set()
        for waiting in self._outgoing.frames():
            await self._say(waiting)
