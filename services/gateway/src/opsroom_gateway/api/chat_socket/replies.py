"""Frames for a single chat socket: replies to its frames, and notices about its user."""

from collections.abc import Callable, Sequence

from opsroom_contracts.chat.frames import (
    AckFrame,
    ErrorFrame,
    HeartbeatFrame,
    MutedFrame,
    ResetFrame,
    UnmutedFrame,
    UsersPageFrame,
)
from opsroom_contracts.chat.models import USERS_PAGE, SendReply
from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import Model
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.replay import Cursor
from opsroom_gateway.transport.encoding import text_frame
from opsroom_gateway.transport.websocket.connection import WebSocketConnection
from opsroom_runtime.metrics import Counter

_HEARTBEAT = text_frame(encode(HeartbeatFrame()))


def plain_heartbeat() -> bytes:
    """Return the heartbeat of a socket that has not caught up yet."""
    return _HEARTBEAT


class Heartbeats:
    """The heartbeats of sockets that have caught up: they say so, with the current position.

    A socket in quiet rooms receives nothing for long. Without it, it would resume from far back.
    """

    def __init__(self, position: Callable[[], Cursor], flush: Callable[[], None]) -> None:
        """``flush`` writes what sockets have yet to get of what is up to ``position``."""
        self._position = position
        self._flush = flush
        self._last = Cursor(0)
        self._frame = _HEARTBEAT

    def frame(self) -> bytes:
        """Return the heartbeat to send now."""
        self._flush()
        position = self._position()
        if position.timestamp is not None and position != self._last:
            self._last = position
            beat = HeartbeatFrame(seq=position.seq, timestamp=position.timestamp)
            self._frame = text_frame(encode(beat))
        return self._frame


class Replies:
    """Writes frames to one socket; counts refusals."""

    __slots__ = ("_connection", "_refusals")

    def __init__(self, connection: WebSocketConnection, error_counter: Counter) -> None:
        self._connection = connection
        self._refusals = error_counter

    def send(self, frame: Model) -> None:
        """Write one frame."""
        self._connection.write(text_frame(encode(frame)))

    def users(self, users: UserList, after: str) -> None:
        """Send a page of the user list."""
        page, following = users.page(after, USERS_PAGE)
        self.send(UsersPageFrame(users=page, next_users=following))

    def reset(self, position: Cursor) -> None:
        """Make the client fetch the history again; live messages continue from ``position``."""
        self.send(ResetFrame(seq=position.seq, epoch=position.epoch, timestamp=position.timestamp))

    def answer(self, client_ids: Sequence[str], sent: Sequence[SendReply | FaultError]) -> None:
        """Acknowledge or refuse frames, in one write."""
        frames = [
            self._refusal(one, client_id) if isinstance(one, FaultError) else _ack(client_id, one)
            for client_id, one in zip(client_ids, sent, strict=True)
        ]
        self._connection.write(b"".join(text_frame(encode(frame)) for frame in frames))

    def muted(self, mute: RestrictionFields) -> None:
        """Notify the user that they are muted, or no longer muted."""
        frame = MutedFrame(until=mute.until, reason=mute.reason)
        self.send(UnmutedFrame() if mute.lifted else frame)

    def refuse(
        self, code: ErrorCode, message: str, field: str | None = None, client_id: str | None = None
    ) -> None:
        """Refuse a frame with an error of the gateway. ``client_id``: that of the frame, if it is known."""
        self._refusals.add(code.value)
        self.send(ErrorFrame(code=code, message=message, client_id=client_id, field=field))

    def fault(self, error: FaultError, client_id: str | None = None) -> None:
        """Send the error of a service; ``client_id`` is that of the refused ``send`` frame."""
        self.send(self._refusal(error, client_id))

    def _refusal(self, error: FaultError, client_id: str | None) -> ErrorFrame:
        """Count a refusal, and return its frame."""
        fault = error.fault
        self._refusals.add(fault.code.value)
        return ErrorFrame(
            code=fault.code,
            message=fault.message,
            client_id=client_id,
            field=fault.field,
            retry_after=fault.retry_after,
            until=fault.until,
        )


def _ack(client_id: str, reply: SendReply) -> AckFrame:
    return AckFrame(
        client_id=client_id,
        seq=reply.seq,
        id=reply.id,
        timestamp=reply.timestamp,
        duplicate=reply.duplicate,
    )
