"""The welcomes of chat sockets. After a restart everybody gets one, and most show the same users."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from opsroom_contracts.chat.frames import Mute, WelcomeFrame
from opsroom_contracts.chat.models import USERS_PAGE, User
from opsroom_contracts.chat.moderation import RestrictionFields
from opsroom_contracts.chat.reads import Unread
from opsroom_contracts.chat.rooms import RoomView
from opsroom_contracts.serialization.codec import encode
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.replay import Cursor
from opsroom_gateway.transport.encoding import text_frame

_USERS: TypeAdapter[tuple[User, ...]] = TypeAdapter(tuple[User, ...])
_NO_USERS = b'"users":[]'
"""Its first occurrence in an encoded frame is the field: inside of a text, JSON escapes the quotes."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The user that a welcome is for.

    Attributes:
        mute: the user's mute, if any.
        rooms: those of the user that not everybody is in.
        unread: what the user has not read, if the client wants to know.
        heartbeat_seconds: the interval of the heartbeats that the client asked for.
        pages: whether the client asked for pages of the user list.
    """

    user: User
    mute: RestrictionFields | None
    rooms: tuple[RoomView, ...]
    unread: Unread | None
    heartbeat_seconds: float | None
    pages: bool


class Welcomes:
    """Encodes welcomes. The users are encoded once for all that show the same."""

    def __init__(self, users: UserList) -> None:
        self._users = users
        self._page = _Encoded()
        self._all = _Encoded()

    def frame(self, newcomer: Newcomer, position: Cursor) -> bytes:
        """Return the WebSocket frame with the welcome. ``position``: the current one."""
        pages, mute, users = newcomer.pages, newcomer.mute, self._users
        listed, following = users.page(None, USERS_PAGE) if pages else (users.all(), None)
        welcome = WelcomeFrame(
            user=newcomer.user,
            users=(),
            next_users=following,
            user_count=len(users) if pages else None,
            seq=position.seq,
            muted=None if mute is None else Mute(until=mute.until, reason=mute.reason),
            epoch=position.epoch,
            timestamp=position.timestamp,
            heartbeat_seconds=newcomer.heartbeat_seconds,
            rooms=newcomer.rooms,
            unread=newcomer.unread,
        )
        encoded = (self._page if pages else self._all).json(listed)
        return text_frame(encode(welcome).replace(_NO_USERS, b'"users":' + encoded, 1))


class _Encoded:
    """The JSON of the users that were shown last."""

    __slots__ = ("_json", "_users")

    def __init__(self) -> None:
        self._users: tuple[User, ...] = ()
        self._json = b"[]"

    def json(self, users: tuple[User, ...]) -> bytes:
        """Return the JSON of ``users``."""
        if users is not self._users and users != self._users:
            self._users = users
            self._json = _USERS.dump_json(users, by_alias=True, exclude_none=True)
        return self._json
