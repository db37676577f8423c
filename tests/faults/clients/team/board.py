"""What the people of a team know of each other: their rooms, and the latest messages in these."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from tests.faults.clients.recorder import Recorder
from tests.faults.clients.texts import ROOMS
from tests.faults.verification.history import ChatLife

_KEPT = 12
"""How many of the latest messages of a room are changed."""


@dataclass(slots=True)
class Posted:
    """An acknowledged message. ``seq``: of its last event. ``version``: the number of its text."""

    key: str
    ident: str
    place: int
    room: str
    user: str
    seq: int
    version: int = 0
    is_reply: bool = False
    files: tuple[str, ...] = ()
    gone: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class TeamRoom:
    """A room with members. ``kind``: public, private or direct."""

    ident: str
    kind: str


@dataclass(slots=True)
class Board:
    """Shared by the people of a team. A new life of the stream begins with no messages.

    ``changing``: held while a membership changes, until the observer has seen it. Of two changes of one
    person at once it might see only the outcome.
    """

    recorder: Recorder
    rooms: list[TeamRoom] = field(default_factory=list)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _life: ChatLife | None = None
    _posts: dict[str, deque[Posted]] = field(default_factory=dict)

    def post(self, posted: Posted) -> None:
        """Add a message."""
        self._by_room().setdefault(posted.room, deque(maxlen=_KEPT)).append(posted)

    def posts(self, room: str) -> list[Posted]:
        """Return the latest messages of a room that are not deleted."""
        return [one for one in self._by_room().get(room, ()) if not one.gone]

    def all_posts(self) -> list[Posted]:
        """Return the latest messages of all rooms, deleted ones too."""
        return [one for posts in self._by_room().values() for one in posts]

    def all_rooms(self) -> list[str]:
        """Return the ids of all rooms."""
        return [*ROOMS, *(room.ident for room in self.rooms)]

    def is_in(self, user: str, room: str) -> bool:
        """Whether a user is in a room, as far as the observer has seen."""
        stays = self.recorder.team.roster.stays
        return room in ROOMS or any(
            one.user == user and one.room == room and one.left == float("inf") for one in stays
        )

    def is_created(self, room: str) -> bool:
        """Whether a room has members."""
        return room not in ROOMS

    def is_closed(self, room: str) -> bool:
        """Whether only its members may read a room."""
        return any(one.ident == room and one.kind != "public" for one in self.rooms)

    def _by_room(self) -> dict[str, deque[Posted]]:
        if self._life is not self.recorder.chat:
            self._life, self._posts = self.recorder.chat, {}
        return self._posts
