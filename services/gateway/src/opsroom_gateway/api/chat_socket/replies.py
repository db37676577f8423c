"""What one socket of the chat is told of itself: answers to its frames, and what was decided about it."""

from opsroom_contracts.chat import SendReply, User
from opsroom_contracts.codec import encode
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.frames import AckFrame, ErrorFrame, Mute, MutedFrame, UnmutedFrame, WelcomeFrame
from opsroom_contracts.model import Model
from opsroom_contracts.moderation import Restriction
from opsroom_gateway.transport.encoding import text_frame
from opsroom_gateway.transport.websocket_protocol import WebSocketConnection
from opsroom_runtime.metrics import Counter


class Replies:
    """Writes to one socket; counts what is refused."""

    __slots__ = ("_connection", "_refusals")

    def __init__(self, connection: WebSocketConnection, error_counter: Counter) -> None:
        self._connection = connection
        self._refusals = error_counter

    def send(self, frame: Model) -> None:
        """Write one frame."""
        self._connection.write(text_frame(encode(frame)))

    def welcome(self, user: User, users: tuple[User, ...], seq: int, mute: Restriction | None) -> None:
        """Greet ``user``; ``seq`` is where the stream stands, ``mute`` why they may not speak."""
        muted = None if mute is None else Mute(until=mute.until, reason=mute.reason)
        self.send(WelcomeFrame(user=user, users=users, seq=seq, muted=muted))

    def acknowledge(self, client_id: str, reply: SendReply) -> None:
        """A send is stored."""
        self.send(
            AckFrame(
                client_id=client_id,
                seq=reply.seq,
                id=reply.id,
                timestamp=reply.timestamp,
                duplicate=reply.duplicate,
            )
        )

    def muted(self, mute: Restriction) -> None:
        """A mute holds from now on, or is lifted."""
        told = MutedFrame(until=mute.until, reason=mute.reason)
        self.send(UnmutedFrame() if mute.lifted else told)

    def refuse(self, code: ErrorCode, message: str, field: str | None = None) -> None:
        """A frame was refused here."""
        self._refusals.add(code.value)
        self.send(ErrorFrame(code=code, message=message, field=field))

    def fault(self, error: FaultError, client_id: str | None = None) -> None:
        """Something was refused; ``client_id`` names the send that it answers."""
        fault = error.fault
        self._refusals.add(fault.code.value)
        self.send(
            ErrorFrame(
                code=fault.code,
                message=fault.message,
                client_id=client_id,
                field=fault.field,
                retry_after=fault.retry_after,
                until=fault.until,
            )
        )
