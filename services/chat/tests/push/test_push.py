"""Web Push over a real broker and a push service (RFC 8030)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from opsroom_chat.domain.tokens import token_hash
from opsroom_contracts import endpoints
from opsroom_contracts.chat.invitations import SignOutRequest
from opsroom_contracts.chat.models import DeleteRequest
from opsroom_contracts.chat.moderation import RevokeRequest
from opsroom_contracts.chat.notifications import NotifyLevel, PushReason, QuietHours, RoomLevel
from opsroom_contracts.chat.reads import ReadRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.subjects import push_keys_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import Chat, another, refusal, service
from services.chat.tests.moderation import ADMIN, Moderator
from services.chat.tests.push.kit import Reader, person
from services.chat.tests.push.push_service import PushService, push_service
from services.chat.tests.rooms import Rooms

PUSHING = {"push_private": True, "push_delay_seconds": 0.5}


@pytest.fixture
async def pushing() -> AsyncIterator[PushService]:
    async with push_service() as found:
        yield found
        assert found.problems == []


@pytest.fixture
async def chat(broker: NatsConnection) -> AsyncIterator[Chat]:
    async with service(broker, **PUSHING):
        client = Chat(broker)
        await client.lease("g1")
        yield client


@pytest.fixture
async def ann(chat: Chat, pushing: PushService) -> Reader:
    return await person(chat, pushing, "ann")


@pytest.fixture
async def bob(chat: Chat, pushing: PushService) -> Reader:
    return await person(chat, pushing, "bob", subscribed=False)


def outcome(broker: NatsConnection, name: str) -> float:
    """Return how many notifications had this outcome."""
    return broker.metrics.counter("push", "", ("outcome",)).values[name,]


async def said_last(bob: Reader, *readers: Reader) -> None:
    """Wait for the push of a last message: by then, those before it would have arrived."""
    text = "last " + " ".join(f"@{reader.name}" for reader in readers)
    await bob.send(text)
    await until(lambda: all(text in reader.texts for reader in readers))


async def test_a_mention_is_pushed_with_what_the_device_shows(
    ann: Reader, bob: Reader, pushing: PushService
) -> None:
    await bob.send("nobody in particular")
    reply = await bob.send("hello @ann\nhow are you?")
    await until(lambda: ann.texts)
    (push,) = pushing.got
    payload = push.payload
    assert (payload.reason, payload.room, payload.room_name) == (PushReason.MENTION, "general", "general")
    assert (payload.sender, payload.text) == ("bob", "hello @ann how are you?")
    assert (payload.id, payload.seq, payload.unread) == (reply.id, reply.seq, 1)
    assert push.headers["urgency"] == "high"


async def test_a_long_message_is_cut(ann: Reader, bob: Reader, pushing: PushService) -> None:
    await bob.send("@ann " + "я" * 3900)
    await until(lambda: ann.texts)
    assert ann.texts[0].endswith("я…")
    assert pushing.got[0].size < 1500


async def test_levels_of_rooms_decide(chat: Chat, ann: Reader, bob: Reader) -> None:
    assert (await ann.get()).settings.level is NotifyLevel.MENTIONS
    await ann.change(rooms={"general": RoomLevel.ALL})
    await bob.send("everything")
    await until(lambda: ann.texts == ["everything"])
    await ann.change(rooms={"general": RoomLevel.NOTHING})
    await bob.send("not @ann")
    room = (await Rooms(chat.requester).direct(bob.id, ann.id)).room.id
    await bob.send("directly", room)
    await until(lambda: "directly" in ann.texts)
    assert ann.texts == ["everything", "directly"]
    assert (await ann.change(rooms={"general": RoomLevel.USUAL})).rooms == {}


async def test_a_direct_message_names_no_room(
    chat: Chat, ann: Reader, bob: Reader, pushing: PushService
) -> None:
    room = (await Rooms(chat.requester).direct(bob.id, ann.id)).room.id
    await bob.send("psst", room)
    await until(lambda: ann.texts)
    payload = pushing.got[0].payload
    assert (payload.reason, payload.room, payload.room_name) == (PushReason.DIRECT, room, None)


async def test_two_processes_push_each_message_once(
    chat: Chat, ann: Reader, bob: Reader, pushing: PushService, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url, **PUSHING):
        readers = [ann, *[await person(chat, pushing, f"reader-{number}") for number in range(4)]]
        for reader in readers:
            await reader.change(level=NotifyLevel.ALL)
        texts = [f"text {number}" for number in range(15)]
        await asyncio.gather(*map(bob.send, texts))
        await until(lambda: all(len(reader.texts) >= len(texts) for reader in readers))
        await said_last(bob, *readers)
        counts = Counter((push.device, push.payload.text) for push in pushing.got)
        assert set(counts.values()) == {1}


async def test_what_was_read_on_any_device_is_not_pushed(chat: Chat, ann: Reader, bob: Reader) -> None:
    await chat.join(ann.token)
    reply = await bob.send("hello @ann")
    request = ReadRequest(user_id=ann.id, positions={"general": reply.seq})
    await chat.requester.request(endpoints.READ, request)
    await said_last(bob, ann)
    assert len(ann.texts) == 1


async def test_somebody_who_was_removed_gets_nothing(chat: Chat, ann: Reader, bob: Reader) -> None:
    rooms = Rooms(chat.requester)
    room = await rooms.create(bob.id, "Secret", private=True)
    await rooms.invite(bob.id, room.id, ann.id)
    await chat.join(ann.token)  # so that the push waits
    await bob.send("secret @ann", room.id)
    await rooms.expel(bob.id, room.id, ann.id)
    await said_last(bob, ann)
    assert len(ann.texts) == 1


async def test_a_deleted_message_is_not_pushed(chat: Chat, ann: Reader, bob: Reader) -> None:
    await chat.join(ann.token)
    reply = await bob.send("wrong @ann")
    request = DeleteRequest(user_id=bob.id, client_id="delete", room="general", id=reply.id)
    await chat.requester.request(endpoints.DELETE, request)
    await said_last(bob, ann)
    assert len(ann.texts) == 1


async def test_nothing_is_pushed_in_quiet_hours(broker: NatsConnection, ann: Reader, bob: Reader) -> None:
    await ann.change(quiet=QuietHours(begin="00:00", end="00:00", zone="Europe/Berlin"))
    await bob.send("shh @ann")
    await until(lambda: outcome(broker, "quiet") == 1)
    assert (await ann.change(quiet_off=True)).quiet is None
    await said_last(bob, ann)
    assert len(ann.texts) == 1


async def test_a_subscription_that_is_gone_is_removed(ann: Reader, bob: Reader, pushing: PushService) -> None:
    pushing.answers["ann"] = [(410, "")]
    await bob.send("hello @ann")
    await until_answer(ann.devices, lambda count: count == 0)
    await ann.subscribe()
    await said_last(bob, ann)
    assert len(ann.texts) == 1


async def test_signing_out_ends_pushes(chat: Chat, ann: Reader, bob: Reader, pushing: PushService) -> None:
    eve = await person(chat, pushing, "eve")
    request = SignOutRequest(user_id=ann.id, token_hash=token_hash(ann.token))
    await chat.requester.request(endpoints.SIGN_OUT, request)
    await bob.send("hello @ann @eve")
    await until(lambda: eve.texts)
    await until_answer(ann.devices, lambda count: count == 0)
    assert ann.texts == []


async def test_revocation_and_bans_end_pushes(
    chat: Chat, broker: NatsConnection, ann: Reader, bob: Reader, pushing: PushService
) -> None:
    await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
    eve = await person(chat, pushing, "eve")
    await chat.requester.request(
        endpoints.REVOKE, RevokeRequest(request_id=uuid4().hex, user_id=ann.id, by=ADMIN)
    )
    await Moderator(chat).ban("eve")
    mia = await person(chat, pushing, "mia")
    await bob.send("hello @ann @eve @mia")
    await until(lambda: mia.texts)
    for reader in (ann, eve):
        await until_answer(reader.devices, lambda count: count == 0)
        assert reader.texts == []


async def test_a_busy_push_service_is_asked_again(ann: Reader, bob: Reader, pushing: PushService) -> None:
    pushing.answers["ann"] = [(429, "Retry-After: 1\r\n"), (503, "Retry-After: 1\r\n")]
    await bob.send("hello @ann")
    await until(lambda: ann.texts)
    assert pushing.requests == 3


async def test_what_may_have_arrived_is_not_sent_again(
    broker: NatsConnection, ann: Reader, bob: Reader, pushing: PushService
) -> None:
    pushing.answers["ann"] = [None]
    await bob.send("hello @ann")
    await until(lambda: outcome(broker, "uncertain") == 1)
    # The endpoint is left alone for a while, also by later messages.
    await bob.send("again @ann")
    await until(lambda: outcome(broker, "failed") == 1)
    assert (ann.texts, pushing.requests) == (["hello @ann"], 1)


async def test_a_flood_of_mentions_is_bounded(ann: Reader, bob: Reader, pushing: PushService) -> None:
    await ann.change(level=NotifyLevel.ALL)
    eve_texts = [f"@ann {number}" for number in range(60)]
    await asyncio.gather(*map(bob.send, eve_texts))
    await until(lambda: len(ann.texts) >= 15)
    assert len(ann.texts) <= 25


async def test_the_keys_are_made_once(chat: Chat, ann: Reader, broker_process: BrokerProcess) -> None:
    first = (await ann.get()).push
    assert first is not None
    assert first.here
    stored = await chat.members.last(push_keys_subject())
    assert stored is not None
    async with another(broker_process.url, **PUSHING) as other:
        later = await Chat(other).members.last(push_keys_subject())
        assert later == stored


async def test_private_addresses_are_refused(broker: NatsConnection, pushing: PushService) -> None:
    async with service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await person(chat, pushing, "ann", subscribed=False)
        fault = await refusal(ann.subscribe())
        assert (fault.code, fault.field) == (ErrorCode.INVALID_REQUEST, "endpoint")


async def test_push_can_be_turned_off(broker: NatsConnection, pushing: PushService) -> None:
    async with service(broker, push=False):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await person(chat, pushing, "ann", subscribed=False)
        assert (await ann.get()).push is None
        assert (await refusal(ann.subscribe())).code is ErrorCode.UNSUPPORTED
        assert (await ann.change(level=NotifyLevel.ALL)).level is NotifyLevel.ALL


async def test_a_browser_that_changes_hands_gets_what_is_for_its_last_user(
    chat: Chat, ann: Reader, bob: Reader, pushing: PushService
) -> None:
    eve = await person(chat, pushing, "eve", subscribed=False)
    await eve.subscribe("ann")
    await bob.send("hello @ann")
    await bob.send("hello @eve")
    await until(lambda: pushing.texts("ann") == ["hello @eve"])


async def test_settings_are_checked(ann: Reader, chat: Chat) -> None:
    fault = await refusal(ann.change(rooms={"r-unknown": RoomLevel.ALL}))
    assert (fault.code, fault.field) == (ErrorCode.ROOM_UNKNOWN, "rooms")
    fault = await refusal(ann.change(quiet=QuietHours(begin="22:00", end="07:00", zone="Europe/Atlantis")))
    assert fault.field == "quiet.zone"
    assert (await ann.unsubscribe()).devices == 0
    assert (await ann.unsubscribe()).devices == 0


async def test_replies_are_pushed_to_those_who_follow_the_thread(
    chat: Chat, ann: Reader, bob: Reader, pushing: PushService
) -> None:
    """With the level ``all``; the setting of the room decides, as for other messages."""
    eve = await person(chat, pushing, "eve")
    await ann.change(level=NotifyLevel.ALL)
    await eve.change(level=NotifyLevel.ALL)
    root = (await bob.send("root")).id
    await bob.send("before", thread=root)
    await ann.send("I follow", thread=root)
    await bob.send("after", thread=root)
    await until(lambda: "after" in ann.texts)
    await said_last(bob, ann, eve)
    assert ("before" in ann.texts, "after" in eve.texts) == (False, False)
    await ann.change(level=NotifyLevel.MENTIONS)
    await bob.send("quietly", thread=root)
    await said_last(bob, ann)
    assert "quietly" not in ann.texts
