"""Counts of unread messages follow what a chat receives, also when messages come in another form."""

from datetime import UTC, datetime

from opsroom_client.unread import UnreadRooms
from opsroom_contracts.chat.frames import EditedFrame, MessageFrame, ReadNotice
from opsroom_contracts.chat.models import Mentions, Message, User
from opsroom_contracts.chat.reads import RoomUnread, Unread
from opsroom_contracts.serialization.model import copy_fields

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ANN, BOB = User(id="a", name="ann"), User(id="b", name="bob")
ROOM = "general"


def message(seq: int, user: User = ANN, *, to_bob: bool = False) -> MessageFrame:
    mentions = Mentions(users=(BOB.id,)) if to_bob else None
    return MessageFrame(
        seq=seq, id=f"m{seq}", room=ROOM, user=user, text="hi", timestamp=NOW, mentions=mentions
    )


def edited(seq: int, place: int, user: User = ANN, *, to_bob: bool = False) -> EditedFrame:
    whole = copy_fields(message(place, user, to_bob=to_bob), Message, edited_at=NOW)
    return EditedFrame(seq=seq, room=ROOM, id=whole.id, timestamp=NOW, message=whole)


def counted(read: int = 4, unread: int = 2, as_of: int = 10) -> UnreadRooms:
    rooms = UnreadRooms()
    rooms.on_welcome(Unread(as_of=as_of, rooms=(RoomUnread(room=ROOM, read=read, unread=unread),)))
    return rooms


def shown(rooms: UnreadRooms) -> tuple[int, int]:
    return rooms.rooms[ROOM].unread, rooms.rooms[ROOM].mentions


def test_a_message_that_comes_as_its_last_edit_is_counted_once() -> None:
    rooms = counted()
    assert rooms.on_edited(edited(14, 12), BOB.id) is None
    assert shown(rooms) == (3, 0)
    rooms.on_message(message(15), BOB.id)
    rooms.on_edited(edited(16, 15), BOB.id)
    rooms.on_edited(edited(17, 12), BOB.id)
    rooms.on_edited(edited(18, 13, BOB), BOB.id)
    assert shown(rooms) == (4, 0)


def test_an_edit_may_add_or_remove_a_mention() -> None:
    rooms = counted()
    rooms.on_message(message(11), BOB.id)
    rooms.on_edited(edited(12, 11, to_bob=True), BOB.id)
    assert shown(rooms) == (3, 1)
    rooms.on_edited(edited(13, 11), BOB.id)
    assert shown(rooms) == (3, 0)


def test_the_server_counts_again_if_an_edited_message_may_be_in_its_count() -> None:
    rooms = counted()
    assert rooms.on_edited(edited(14, 8), BOB.id) == 4
    assert rooms.on_edited(edited(15, 3), BOB.id) is None, "it is read"
    assert rooms.on_edited(edited(16, 8, BOB), BOB.id) is None, "an own one is never unread"
    assert shown(rooms) == (2, 0)


def test_after_a_reset_messages_of_another_stream_are_added_to_the_next_count() -> None:
    rooms = counted(read=900, unread=1, as_of=1000)
    rooms.on_reset(3)
    rooms.on_message(message(4), BOB.id)
    rooms.on_message(message(5), BOB.id)
    rooms.on_notice(ReadNotice(room=ROOM, seq=2, unread=2, as_of=4))
    assert shown(rooms) == (3, 0)
