"""Followed threads over a real broker: who follows, what is unread, and who may ask."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import DeleteRequest, EditRequest, SendReply, SendRequest
from opsroom_contracts.chat.threads import (
    FollowRequest,
    ReadThreadRequest,
    ThreadsReply,
    ThreadsRequest,
    ThreadsUnreadRequest,
    ThreadUnread,
)
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.client.request_client import RequestClient
from services.chat.tests.harness import Chat, another, refusal
from services.chat.tests.rooms import Rooms


@dataclass(frozen=True)
class Writer:
    """A registered person."""

    chat: Chat
    id: str
    name: str

    async def send(
        self, text: str, thread: str | None = None, room: str = "general", **more: Any
    ) -> SendReply:
        request = SendRequest(
            user_id=self.id, client_id=uuid4().hex, room=room, text=text, thread=thread, **more
        )
        return await self.chat.requester.request(endpoints.SEND, request)

    async def follow(self, thread: str, *, on: bool = True, room: str = "general") -> ThreadUnread:
        request = FollowRequest(user_id=self.id, room=room, id=thread, on=on)
        return await self.chat.requester.request(endpoints.FOLLOW, request)

    async def read(self, thread: str, seq: int, room: str = "general") -> ThreadUnread:
        request = ReadThreadRequest(user_id=self.id, room=room, id=thread, seq=seq)
        return await self.chat.requester.request(endpoints.READ_THREAD, request)

    async def unread(self, requester: RequestClient | None = None) -> dict[str, int]:
        """Count unread replies, by the ids of threads."""
        last = await self.chat.messages.last(CHAT_EVENTS)
        head = 0 if last is None else last.seq
        request = ThreadsUnreadRequest(user_id=self.id, at_least=head)
        found = await (requester or self.chat.requester).request(endpoints.THREADS_UNREAD, request)
        return {one.id: one.unread for one in found.threads}

    async def threads(self, **query: Any) -> ThreadsReply:
        request = ThreadsRequest(user_id=self.id, **query)
        return await self.chat.requester.request(endpoints.THREADS, request)


async def people(chat: Chat, *names: str) -> list[Writer]:
    return [Writer(chat, (await chat.present(name, name)).user.id, name) for name in names]


async def test_who_writes_is_mentioned_or_wrote_the_first_message_follows(chat: Chat) -> None:
    ann, bob, carl, eve = await people(chat, "Ann", "Bob", "Carl", "Eve")
    root = (await ann.send("Deploy at noon?")).id
    assert await ann.unread() == {}, "it has no replies"
    await bob.send("fine", root)
    await bob.send("ask @Carl", root)
    await eve.send("not a reply, @Carl")
    assert [await one.unread() for one in (ann, bob, carl, eve)] == [{root: 2}, {root: 0}, {root: 1}, {}]
    await carl.send("ok", root)
    assert [await one.unread() for one in (ann, bob, carl)] == [{root: 3}, {root: 1}, {root: 1}]


async def test_a_thread_is_followed_by_choice_and_left_until_one_is_called_back(chat: Chat) -> None:
    ann, bob, eve = await people(chat, "Ann", "Bob", "Eve")
    root = (await ann.send("root")).id
    first = await bob.send("one", root)
    chosen = await eve.follow(root)
    assert (chosen.following, chosen.unread, chosen.read >= first.seq) == (True, 0, True)
    await bob.send("two", root)
    assert await eve.unread() == {root: 1}
    left = await eve.follow(root, on=False)
    assert (left.following, left.unread) == (False, 0)
    await ann.follow(root, on=False)
    await bob.send("three", root)
    assert (await eve.unread(), await ann.unread()) == ({}, {}), "nobody called them back"
    await bob.send("four, @Eve", root)
    assert await eve.unread() == {root: 1}
    await ann.send("five", root)
    assert root in await ann.unread()


async def test_positions_are_the_same_in_all_processes_and_only_rise(
    chat: Chat, broker: NatsConnection
) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    root = (await ann.send("root")).id
    replies = [(await bob.send(f"reply {number}", root)).seq for number in range(4)]
    found = await ann.read(root, replies[1])
    assert (found.read, found.unread) == (replies[1], 2)
    lower = await ann.read(root, replies[0])
    assert (lower.read, lower.unread) == (replies[1], 2)
    async with another(broker.client.connected_url.geturl()) as other:  # type: ignore[union-attr]
        assert await ann.unread(RequestClient(other, timeout=30, first_timeout=5)) == {root: 2}
    refused = await refusal(ann.read(root, replies[-1] + 1000))
    assert (refused.code, refused.field) == (ErrorCode.INVALID_REQUEST, "seq")
    assert (await bob.follow(root, on=False)).following is False
    assert (await bob.read(root, replies[1])).following is False


async def test_what_is_removed_or_edited_is_counted_as_it_is_now(chat: Chat) -> None:
    ann, bob, carl = await people(chat, "Ann", "Bob", "Carl")
    root = (await ann.send("root")).id
    first, second = [await bob.send(text, root) for text in ("one", "two")]
    assert await ann.unread() == {root: 2}
    delete = DeleteRequest(user_id=bob.id, client_id="d", room="general", id=first.id)
    await chat.requester.request(endpoints.DELETE, delete)
    edit = EditRequest(user_id=bob.id, client_id="e", room="general", id=second.id, text="two, @Carl")
    await chat.requester.request(endpoints.EDIT, edit)
    assert await ann.unread() == {root: 1}
    assert (await carl.unread()).keys() == {root}, "an edit may mention, too"
    listed = (await ann.threads()).threads
    assert [(one.root.id, one.last.text, one.unread) for one in listed] == [(root, "two, @Carl", 1)]


async def test_the_list_has_the_newest_reply_first_in_pages(chat: Chat) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    roots = [(await ann.send(f"root {number}")).id for number in range(5)]
    for root in (*roots, roots[0]):
        await bob.send(f"to {root}", root)
    await bob.unread()  # waits for the index
    order = [roots[0], roots[4], roots[3], roots[2], roots[1]]
    found: list[str] = []
    before = None
    while True:
        page = await ann.threads(limit=2, before=before)
        found += [one.root.id for one in page.threads]
        if page.next is None:
            break
        before = page.next
    assert found == order
    first = (await ann.threads(limit=1)).threads[0]
    assert first.root.replies is not None
    assert (first.root.replies.replies, first.unread) == (2, 2)
    delete = DeleteRequest(user_id=ann.id, client_id="d", room="general", id=roots[0])
    await chat.requester.request(endpoints.DELETE, delete)
    assert [one.root.id for one in (await ann.threads()).threads] == order[1:], "its first message is gone"


async def test_threads_of_a_room_exist_for_its_members_alone(chat: Chat) -> None:
    ann, bob, eve = await people(chat, "Ann", "Bob", "Eve")
    rooms = Rooms(chat.requester)
    room = (await rooms.create(ann.id, "Salaries", private=True)).id
    await rooms.invite(ann.id, room, bob.id)
    root = (await ann.send("root", room=room)).id
    await bob.send("one", root, room=room)
    for attempt in (eve.follow(root, room=room), eve.read(root, 1, room=room)):
        assert (await refusal(attempt)).code is ErrorCode.ROOM_UNKNOWN
    assert (await refusal(eve.follow(root))).code is ErrorCode.MESSAGE_UNKNOWN, "not by another room"
    await rooms.expel(ann.id, room, bob.id)
    await ann.send("two, @Bob", root, room=room)
    assert (await bob.unread(), (await bob.threads()).threads) == ({}, ())
    await rooms.invite(ann.id, room, bob.id)
    assert await bob.unread() == {root: 0}, "who joins has read what was said before"


@pytest.mark.parametrize("case", ["unknown", "reply"])
async def test_only_first_messages_are_followed(chat: Chat, case: str) -> None:
    (ann,) = await people(chat, "Ann")
    root = (await ann.send("root")).id
    thread = "nothing" if case == "unknown" else (await ann.send("one", root)).id
    expected = ErrorCode.MESSAGE_UNKNOWN if case == "unknown" else ErrorCode.INVALID_REQUEST
    assert (await refusal(ann.follow(thread))).code is expected
    assert (await ann.follow(thread, on=False)).following is False
