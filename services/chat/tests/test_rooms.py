"""Rooms over NATS, with one and two chat services."""

import asyncio
import json

import pytest

from opsroom_contracts.chat.rooms import DIRECT_MAX, RoomKind
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import memberships_subject, room_record
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat, another, refusal
from services.chat.tests.rooms import Rooms


@pytest.fixture
def rooms(chat: Chat) -> Rooms:
    return Rooms(chat.requester)


async def people(chat: Chat, *names: str) -> list[str]:
    return [(await chat.register(name)).user.id for name in names]


async def test_a_public_room_is_seen_by_all_and_joined_by_whoever_wants_to(chat: Chat, rooms: Rooms) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    room = await rooms.create(ann, "  Deploys ", description="What goes out")
    assert (room.kind, room.name, room.description) == (RoomKind.PUBLIC, "Deploys", "What goes out")
    assert await rooms.of(ann) == {"general": None, "Deploys": "owner"}
    assert await rooms.of(bob) == await rooms.of(None) == {"general": None, "Deploys": None}
    assert (await rooms.join(bob, room.id)).seq > 0
    assert (await rooms.join(bob, room.id)).seq == 0, "a repeat changes nothing"
    assert await rooms.members(bob, room.id) == {"Ann": "owner", "Bob": "member"}
    await rooms.leave(bob, room.id)
    assert (await rooms.leave(bob, room.id)).seq == 0
    assert await rooms.members(ann, room.id) == {"Ann": "owner"}


async def test_a_private_room_exists_for_its_members_only(chat: Chat, rooms: Rooms) -> None:
    ann, bob, eve = await people(chat, "Ann", "Bob", "Eve")
    room = await rooms.create(ann, "Salaries", private=True)
    await rooms.invite(ann, room.id, bob)
    assert await rooms.of(bob) == {"general": None, "Salaries": "member"}
    assert await rooms.of(eve) == await rooms.of(None) == {"general": None}
    absent = await refusal(rooms.join(eve, "r-of-nobody"))
    for attempt in (
        rooms.join(eve, room.id),
        rooms.leave(eve, room.id),
        rooms.members(eve, room.id),
        rooms.invite(eve, room.id, eve),
        rooms.expel(eve, room.id, bob),
        rooms.expel(eve, room.id, bob, moderator=True),
        rooms.change(eve, room.id, name="Open", moderator=True),
    ):
        fault = await refusal(attempt)
        assert (fault.code, fault.field) == ("room_unknown", "room")
        assert fault.message.replace(room.id, "") == absent.message.replace("r-of-nobody", "")


async def test_names_are_unique_until_their_room_is_renamed_or_archived(chat: Chat, rooms: Rooms) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    room = await rooms.create(ann, "Deploys")
    fault = await refusal(rooms.create(bob, "DEPLOYS"))
    assert (fault.code, fault.field) == ("name_taken", "name")
    assert (await refusal(rooms.create(bob, "General"))).code == "name_taken"
    assert (await refusal(rooms.create(bob, "a" * 65))).code == "name_invalid"
    await rooms.change(ann, room.id, name="Releases")
    second = await rooms.create(bob, "Deploys")
    assert (await refusal(rooms.change(ann, room.id, name="deploys"))).code == "name_taken"
    await rooms.change(bob, second.id, archived=True)
    await rooms.change(ann, room.id, name="deploys")
    assert (await refusal(rooms.change(bob, second.id, archived=False))).code == "name_taken"


async def test_names_do_not_reveal_private_rooms(chat: Chat, rooms: Rooms) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    await rooms.create(ann, "Deploys")
    assert (await refusal(rooms.create(bob, "Deploys", private=True))).code == "name_taken"
    assert (await rooms.create(ann, "Salaries", private=True)).name == "Salaries"
    assert (await rooms.create(bob, "Salaries", private=True)).name == "Salaries"
    assert (await rooms.create(bob, "Salaries", key="public")).kind is RoomKind.PUBLIC


async def test_a_retry_of_a_creation_gets_the_same_room(
    chat: Chat, rooms: Rooms, broker_process: BrokerProcess
) -> None:
    ann, bob = await people(chat, "Ann", "Bob")
    async with another(broker_process.url):
        found = await asyncio.gather(*(rooms.create(ann, "Deploys", key="k") for _ in range(10)))
    assert len({room.id for room in found}) == 1
    await rooms.change(ann, found[0].id, name="Releases")
    assert (await rooms.create(ann, "Deploys", key="k")).name == "Releases"
    assert (await rooms.create(bob, "Deploys", key="k")).id != found[0].id


async def test_of_two_who_create_a_name_at_once_one_gets_it(
    chat: Chat, rooms: Rooms, broker_process: BrokerProcess
) -> None:
    users = await people(chat, *(f"user {number}" for number in range(8)))
    async with another(broker_process.url):
        results = await asyncio.gather(
            *(rooms.create(user, "Deploys") for user in users), return_exceptions=True
        )
    refused = [one.fault.code for one in results if isinstance(one, FaultError)]
    assert refused == ["name_taken"] * 7


async def test_a_direct_room_is_the_same_for_all_of_its_people(chat: Chat, rooms: Rooms) -> None:
    ann, bob, cid = await people(chat, "Ann", "Bob", "Cid")
    others = await people(chat, *(f"user {number}" for number in range(DIRECT_MAX - 1)))
    first = await rooms.direct(ann, bob)
    assert (first.room.kind, first.room.name) == (RoomKind.DIRECT, None)
    assert (await rooms.direct(bob, ann, bob)).room.id == first.room.id
    assert (await rooms.direct(ann, bob, cid)).room.id != first.room.id
    assert await rooms.members(bob, first.room.id) == {"Ann": "member", "Bob": "member"}
    assert (await refusal(rooms.members(cid, first.room.id))).code == "room_unknown"
    for attempt in (
        rooms.leave(ann, first.room.id),
        rooms.invite(ann, first.room.id, cid),
        rooms.change(ann, first.room.id, name="Us"),
    ):
        assert (await refusal(attempt)).code == "forbidden"
    assert (await refusal(rooms.direct(ann, ann))).field == "users"
    assert (await refusal(rooms.direct(ann, "nobody"))).field == "users"
    assert len(await rooms.members(ann, (await rooms.direct(ann, *others)).room.id)) == DIRECT_MAX


async def test_owners_and_moderators_change_rooms(chat: Chat, rooms: Rooms) -> None:
    ann, bob, eve = await people(chat, "Ann", "Bob", "Eve")
    room = await rooms.create(ann, "Deploys", description="Old")
    await rooms.join(bob, room.id)
    assert (await refusal(rooms.change(bob, room.id, description="New"))).code == "forbidden"
    assert (await rooms.change(eve, room.id, description="New", moderator=True)).description == "New"
    assert (await rooms.change(ann, room.id, description="")).description is None
    assert (await refusal(rooms.expel(bob, room.id, ann))).code == "forbidden"
    await rooms.expel(ann, room.id, bob)
    assert (await rooms.expel(ann, room.id, bob)).seq == 0
    await rooms.change(ann, room.id, archived=True)
    assert (await refusal(rooms.join(bob, room.id))).code == "forbidden"
    assert (await refusal(rooms.invite(ann, room.id, bob))).code == "forbidden"
    for attempt in (rooms.leave(ann, "general"), rooms.change(ann, "general", name="x", moderator=True)):
        assert (await refusal(attempt)).code == "forbidden"


async def test_a_room_keeps_an_owner_when_its_owners_leave_at_once(
    chat: Chat, rooms: Rooms, broker_process: BrokerProcess
) -> None:
    ann, bob, cid = await people(chat, "Ann", "Bob", "Cid")
    room = await rooms.create(ann, "Deploys", private=True)
    await rooms.invite(ann, room.id, bob)
    await rooms.invite(bob, room.id, cid)
    async with another(broker_process.url):
        await asyncio.gather(rooms.leave(ann, room.id), rooms.leave(bob, room.id))
        assert await rooms.members(cid, room.id) == {"Cid": "owner"}
    await rooms.leave(cid, room.id)
    assert await rooms.of(cid) == {"general": None}


async def test_who_joins_an_empty_room_owns_it(chat: Chat, rooms: Rooms) -> None:
    ann, bob, cid = await people(chat, "Ann", "Bob", "Cid")
    room = await rooms.create(ann, "Deploys")
    await rooms.leave(ann, room.id)
    await rooms.join(bob, room.id)
    await rooms.join(cid, room.id)
    assert await rooms.members(cid, room.id) == {"Bob": "owner", "Cid": "member"}


async def test_a_room_keeps_an_owner_when_the_last_one_leaves_while_others_are_added(
    chat: Chat, rooms: Rooms, broker_process: BrokerProcess
) -> None:
    ann, bob, cid = await people(chat, "Ann", "Bob", "Cid")
    async with another(broker_process.url):
        for number in range(12):
            room = (await rooms.create(ann, f"Room {number}", private=number % 2 == 0)).id
            adding = rooms.invite(ann, room, bob, cid) if number % 2 == 0 else rooms.join(bob, room)
            results = await asyncio.gather(adding, rooms.leave(ann, room), return_exceptions=True)
            if isinstance(results[0], FaultError):
                continue  # Ann had left before
            assert "owner" in (await rooms.members(bob, room)).values()


async def test_other_processes_follow(chat: Chat, rooms: Rooms, broker_process: BrokerProcess) -> None:
    (ann,) = await people(chat, "Ann")
    async with another(broker_process.url) as other:
        room = await rooms.create(ann, "Deploys", private=True)
        # Both processes answer; each has to know the room.
        for _ in range(20):
            await until_answer(lambda: rooms.of(ann), lambda found: found.get("Deploys") == "owner")
        assert other.connected
    assert await rooms.members(ann, room.id) == {"Ann": "owner"}


async def test_records_that_can_not_be_read_count_as_missing(
    chat: Chat, rooms: Rooms, broker: NatsConnection
) -> None:
    (ann,) = await people(chat, "Ann")
    room = await rooms.create(ann, "Deploys")
    await chat.put(memberships_subject(ann), b"nonsense")
    await chat.put(room_record("r-other"), b'{"version":1,"room":{"id":"r-third","kind":"public"}}')
    assert (await refusal(rooms.join(ann, "r-other"))).code == "room_unknown"
    await rooms.join(ann, room.id)
    assert await rooms.members(ann, room.id) == {"Ann": "member"}
    assert broker.connected


async def test_only_members_send_to_a_room_and_read_it(
    chat: Chat, rooms: Rooms, broker_process: BrokerProcess
) -> None:
    users = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob", "Eve")]
    ann, bob, eve = users
    room = (await rooms.create(ann, "Salaries", private=True)).id
    await rooms.invite(ann, room, bob)
    async with another(broker_process.url):
        for number in range(10):
            await chat.send(bob, f"text {number}", room=room)
        assert len(await chat.history(room=room, user_id=ann)) == 10
        for reader in (eve, None):
            for attempt in (chat.send(eve, "hi", room=room), chat.history(room=room, user_id=reader)):
                fault = await refusal(attempt)
                assert (fault.code, fault.field) == ("room_unknown", "room")
        await rooms.expel(ann, room, bob)
        # Whichever process answers: none may lag behind the reply.
        for _ in range(10):
            assert (await refusal(chat.send(bob, "still here?", room=room))).code == "room_unknown"
            assert (await refusal(chat.history(room=room, user_id=bob))).code == "room_unknown"
        assert (await chat.send(bob, "text 3", room=room)).duplicate, "a retry of a stored message succeeds"
        assert len(await chat.history(room=room, user_id=ann)) == 10


async def test_a_public_room_is_read_by_all_also_when_it_is_archived(chat: Chat, rooms: Rooms) -> None:
    ann, bob = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob")]
    room = (await rooms.create(ann, "Deploys")).id
    await chat.send(ann, "one", room=room)
    assert [message.text for message in await chat.history(room=room)] == ["one"]
    assert (await refusal(chat.send(bob, "two", room=room))).code == "forbidden"
    await rooms.join(bob, room)
    await chat.send(bob, "two", room=room)
    await rooms.change(ann, room, archived=True)
    assert (await refusal(chat.send(bob, "three", room=room))).code == "forbidden"
    assert [message.text for message in await chat.history(room=room)] == ["one", "two"]


async def test_releases_without_rooms_can_not_read_the_messages(chat: Chat, rooms: Rooms) -> None:
    """They would show them to everybody."""
    ann = (await chat.present("Ann")).user.id
    room = (await rooms.create(ann, "Salaries", private=True)).id
    sent = await chat.send(ann, "one", room=room)
    stored = await chat.messages.at(sent.seq)
    assert stored is not None
    assert json.loads(stored.data)["membersSeq"] > 0
