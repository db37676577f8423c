"""Read positions: up to where a person has read each room, the same on all of their devices.

A position is the sequence of a message in ``CHAT``. It only rises: of two, the higher one counts. What is
unread follows from it: messages of others after it.
"""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.chat.rooms import ROOMS_OF_PERSON_MAX
from opsroom_contracts.serialization.model import Epoch, Identifier, Model, RoomName, Sequence
from opsroom_contracts.serialization.versions import StoredContract

UNREAD_MAX = 999
"""Counts end here: it stands for this many or more."""
POSITIONS_MAX = 50
"""The maximum number of positions in one request."""
_STORED_MAX = ROOMS_OF_PERSON_MAX + 100

UnreadCount = Annotated[int, Field(ge=0, le=UNREAD_MAX)]


class ReadPosition(Model):
    """Up to where somebody has read a room, and what was unread when this was stored.

    ``as_of``: the counts include messages up to this sequence. Without it, nothing after ``seq`` was unread.
    """

    seq: Sequence
    unread: UnreadCount = 0
    mentions: UnreadCount = 0
    as_of: Sequence | None = None


class ReadPositions(Model):
    """All positions of one person, on ``chat.reads.<user>``. ``epoch``: that of ``CHAT``.

    Positions of another epoch are void: the sequences may stand for other messages.
    """

    version: Literal[1] = 1
    user_id: Identifier
    epoch: Epoch | None = None
    rooms: dict[RoomName, ReadPosition] = Field(default_factory=dict, max_length=_STORED_MAX)


class RoomUnread(Model):
    """What one person has not read in one room.

    ``read``: their position. Without one nothing counts as unread, and the client sets the position to the
    current sequence. ``unread``: messages of others after the position; ``mentions``: those among them that
    mention this person. Both end at 999. ``last``: the sequence of the room's last message.
    """

    room: RoomName
    read: Sequence | None = None
    unread: UnreadCount = 0
    mentions: UnreadCount = 0
    last: Sequence | None = None


class Unread(Model):
    """What one person has not read. ``as_of``: the counts include messages up to this sequence.

    To keep them right, a client adds each message of others with a higher sequence. ``epoch``: that of the
    message stream; sequences of another one may stand for other messages.
    """

    as_of: Sequence
    epoch: Epoch | None = None
    rooms: tuple[RoomUnread, ...]


class UnreadRequest(Model):
    """Count what a person has not read in ``rooms``; by default, in all of their rooms.

    ``at_least``: the counts must include messages up to this sequence.
    """

    user_id: Identifier
    rooms: Annotated[tuple[RoomName, ...], Field(min_length=1, max_length=POSITIONS_MAX)] | None = None
    at_least: Sequence = 0


class ReadRequest(Model):
    """Note that a person has read rooms up to these positions; lower ones than before change nothing.

    The reply comes once they are stored, which happens about once a second for each person.
    """

    user_id: Identifier
    positions: Annotated[dict[RoomName, Sequence], Field(min_length=1, max_length=POSITIONS_MAX)]


READ_POSITIONS = StoredContract(ReadPositions)
