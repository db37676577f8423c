"""The messages alone are put back, as an older copy of their stream: positions after its end are void."""

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.reads import ReadPosition, ReadPositions, ReadRequest, RoomUnread, UnreadRequest
from opsroom_contracts.chat.rooms import PERSON_ROOMS
from opsroom_contracts.chat.threads import FollowedThreads, ThreadPosition, ThreadsUnreadRequest
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import follows_subject, memberships_subject, reads_subject
from services.chat.tests.harness import Chat
from services.chat.tests.rooms import Rooms

GONE = 1_000
"""How many messages the stream has lost."""


async def unread(chat: Chat, user_id: str, room: str) -> RoomUnread:
    head = (await chat.messages.bounds()).last
    request = UnreadRequest(user_id=user_id, rooms=(room,), at_least=head)
    (found,) = (await chat.requester.request(endpoints.UNREAD, request)).rooms
    return found


async def read(chat: Chat, user_id: str, room: str, seq: int) -> None:
    request = ReadRequest(user_id=user_id, positions={room: seq})
    await chat.requester.request(endpoints.READ, request)


async def test_a_read_position_after_the_end_counts_as_none(chat: Chat) -> None:
    """With the same epoch: a copy of the data folder has it."""
    ann, bob = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob")]
    first = await chat.send(ann, "first")
    bounds = await chat.messages.bounds()
    position = ReadPosition(seq=bounds.last + GONE)
    record = ReadPositions(user_id=bob, epoch=bounds.epoch, rooms={"general": position})
    await chat.put(reads_subject(bob), encode(record))
    assert (await unread(chat, bob, "general")).read is None
    await read(chat, bob, "general", first.seq)
    await chat.send(ann, "second")
    found = await unread(chat, bob, "general")
    assert (found.read, found.unread) == (first.seq, 1)


@pytest.mark.parametrize("epoch", [None, "another"])
async def test_a_membership_that_began_after_the_end_hides_nothing(chat: Chat, epoch: str | None) -> None:
    ann, bob = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob")]
    rooms = Rooms(chat.requester)
    room = (await rooms.create(ann, "Deploys", private=True)).id
    await rooms.invite(ann, room, bob)
    stored = await chat.members.last(memberships_subject(bob))
    assert stored is not None
    person = PERSON_ROOMS.read(stored.data)
    assert person.rooms[room].epoch == (await chat.messages.bounds()).epoch
    first = await chat.send(ann, "first", room=room)
    lost = person.rooms[room].model_copy(update={"seq": first.seq + GONE, "epoch": epoch})
    after = person.model_copy(update={"rooms": {room: lost}})
    await chat.put(memberships_subject(bob), encode(after))
    assert (await unread(chat, bob, room)).read is None
    await read(chat, bob, room, first.seq)
    await chat.send(ann, "second", room=room)
    assert (await unread(chat, bob, room)).unread == 1


async def test_a_position_in_a_thread_after_the_end_is_that_of_the_end(chat: Chat) -> None:
    ann = (await chat.present("Ann")).user.id
    root = await chat.send(ann, "root")
    bounds = await chat.messages.bounds()
    lost = bounds.last + GONE
    position = ThreadPosition(room="general", read=lost, as_of=lost)
    record = FollowedThreads(user_id=ann, epoch=bounds.epoch, threads={root.id: position})
    await chat.put(follows_subject(ann), encode(record))
    request = ThreadsUnreadRequest(user_id=ann, at_least=bounds.last)
    (found,) = (await chat.requester.request(endpoints.THREADS_UNREAD, request)).threads
    assert (found.id, found.read, found.unread) == (root.id, bounds.last, 0)
