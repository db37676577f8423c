"""What the user has not read, kept up to date by what a chat receives."""

from collections.abc import Mapping

from opsroom_contracts.chat.frames import EditedFrame, ReadNotice
from opsroom_contracts.chat.models import Message
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
        self._later: dict[str, list[tuple[int, bool]]] = {}
        """Sequences of messages of others that the server's count does not include, and whether they mention
        the user."""

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

    def on_reset(self, seq: int) -> None:
        """Count only what comes after ``seq``: messages were missed, or the sequences are of another stream.

        The counts before it are right again once the server has sent them.
        """
        for room, known in self.rooms.items():
            self.rooms[room] = known.model_copy(update={"read": min(known.read or 0, seq), "last": None})
            self._as_of[room], self._later[room] = seq, []

    def on_edited(self, frame: EditedFrame, own_id: str) -> int | None:
        """Count a message that was edited before it arrived: then its first event does not come any more.

        Returns the position to send again if the message may be unread and is in the server's count: whether
        it mentions the user may have changed. None: there is no need.
        """
        message, later = frame.message, self._later.get(frame.room, [])
        if all(seq != message.seq for seq, _ in later):
            self.on_message(message, own_id)
            is_counted = message.seq <= self._as_of.get(frame.room, 0) and message.user.id != own_id
            return self.must_ask(frame.room, message.seq) if is_counted else None
        place = next(number for number, (seq, _) in enumerate(later) if seq == message.seq)
        change = _mentions(message, own_id) - later[place][1]
        later[place] = (message.seq, _mentions(message, own_id))
        room = self.rooms[frame.room]
        mentions = max(0, min(UNREAD_MAX, room.mentions + change))
        self.rooms[frame.room] = room.model_copy(update={"mentions": mentions})
        return None

    def on_message(self, frame: Message, own_id: str) -> None:
        """Count a message of others."""
        room = self.rooms.get(frame.room)
        if room is None or (frame.thread is not None and not frame.broadcast):
            return  # its count is still to come, or the room doesn't show it
        last = max(frame.seq, room.last or 0)
        is_new = frame.user.id != own_id and frame.seq > max(self._as_of[frame.room], room.read or 0)
        if is_new:
            later = self._later.setdefault(frame.room, [])
            later.append((frame.seq, _mentions(frame, own_id)))
            del later[:-UNREAD_MAX]
        is_mention = is_new and _mentions(frame, own_id)
        unread, mentions = min(UNREAD_MAX, room.unread + is_new), min(UNREAD_MAX, room.mentions + is_mention)
        counts = {"last": last, "unread": unread, "mentions": mentions}
        self.rooms[frame.room] = room.model_copy(update=counts)

    def on_notice(self, notice: ReadNotice) -> None:
        """Take over a position, and the count after it."""
        as_of = max(notice.seq, notice.as_of or 0)
        later = [one for one in self._later.get(notice.room, []) if one[0] > as_of]
        before = self.rooms.get(notice.room)
        self._later[notice.room], self._as_of[notice.room] = later, as_of
        self.rooms[notice.room] = RoomUnread(
            room=notice.room,
            read=notice.seq,
            unread=min(UNREAD_MAX, notice.unread + len(later)),
            mentions=min(UNREAD_MAX, notice.mentions + sum(mention for _, mention in later)),
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


def _mentions(frame: Message, user_id: str) -> bool:
    mentions = frame.mentions
    return mentions is not None and (bool(mentions.everybody) or user_id in mentions.users)
