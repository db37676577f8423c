"""What the user has not read, kept up to date by what a chat receives."""

from collections.abc import Mapping

from opsroom_contracts.chat.frames import MessageFrame, ReadNotice
from opsroom_contracts.chat.reads import UNREAD_MAX, RoomUnread, Unread


class UnreadRooms:
    """Counts by room. All devices of a user have the same ones, once they have received everything.

    The server counts up to a sequence; messages of others after it are added here. So it is no matter
    whether a message arrives before or after the count that includes it.

    Attributes:
        rooms: the counts by the room's id.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, RoomUnread] = {}
        self._as_of: dict[str, int] = {}
        self._later: dict[str, list[int]] = {}
        """Sequences of messages of others that the server's count does not include."""

    def on_welcome(self, unread: Unread | None) -> Mapping[str, int]:
        """Start over; return the positions to send, for rooms in which the user has none yet."""
        self.rooms, self._as_of, self._later = {}, {}, {}
        new: dict[str, int] = {}
        for one in () if unread is None else unread.rooms:
            as_of = 0 if unread is None else unread.as_of
            if one.read is None:
                new[one.room] = as_of
            self.rooms[one.room] = one if one.read is not None else one.model_copy(update={"read": as_of})
            self._as_of[one.room] = as_of
        return new

    def on_message(self, frame: MessageFrame, own_id: str) -> None:
        """Count a message of others."""
        room = self.rooms.get(frame.room)
        if room is None:
            return  # its count is still to come
        last = max(frame.seq, room.last or 0)
        is_new = frame.user.id != own_id and frame.seq > max(self._as_of[frame.room], room.read or 0)
        if is_new:
            later = self._later.setdefault(frame.room, [])
            later.append(frame.seq)
            del later[:-UNREAD_MAX]
        unread = min(UNREAD_MAX, room.unread + is_new)
        self.rooms[frame.room] = room.model_copy(update={"last": last, "unread": unread})

    def on_notice(self, notice: ReadNotice) -> None:
        """Take over a position, and the count after it."""
        as_of = max(notice.seq, notice.as_of or 0)
        later = [seq for seq in self._later.get(notice.room, []) if seq > as_of]
        before = self.rooms.get(notice.room)
        self._later[notice.room], self._as_of[notice.room] = later, as_of
        self.rooms[notice.room] = RoomUnread(
            room=notice.room,
            read=notice.seq,
            unread=min(UNREAD_MAX, notice.unread + len(later)),
            mentions=notice.mentions,
            last=None if before is None else before.last,
        )

    def must_ask(self, room: str, message_seq: int) -> int | None:
        """Return the position to send again when a message was removed that may be unread; None: it was read.

        Whether it was one of others is not known here, so the server counts again.
        """
        known = self.rooms.get(room)
        if known is None or not known.unread or message_seq <= (known.read or 0):
            return None
        return known.read
