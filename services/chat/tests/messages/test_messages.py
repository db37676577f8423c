"""Sending messages and reading the history over NATS."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from opsroom_chat.domain.tokens import message_id
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import LeaveReason, Message, ProtocolVersion, SendRequest
from opsroom_contracts.legacy import LegacyFrame
from opsroom_contracts.subjects import CHAT_SERVICE, former_message_subject, message_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.harness import Chat, another, connection, refusal
from services.chat.tests.statistics import gauge

GARBAGE = (b"", b"nonsense", b"null", b"[]", b'{"type":"message"}', b"\xff\xfe", b"[" * 5000)


async def fill(chat: Chat, user_id: str, count: int) -> list[int]:
    """Send ``count`` messages with garbage between them; return their sequences."""
    sequences = []
    for n in range(count):
        sequences.append((await chat.send(user_id, f"message {n}")).seq)
        for m in range(n % 4):
            await chat.put(message_subject("general", f"junk-{n}-{m}"), GARBAGE[(n + m) % len(GARBAGE)])
    return sequences


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


async def test_a_relayed_frame_retried_without_its_sender_is_stored_once(chat: Chat) -> None:
    """The sender was connected at the first request and had left at the retry."""
    ann = await chat.register("Ann")
    frame = SendRequest(
        user_id=ann.user.id, client_id="frame-1", room="general", text="hi", raw=LegacyFrame(data="{}")
    )
    first = await chat.requester.request(endpoints.SEND, frame)
    nobodys = frame.model_copy(update={"user_id": None})
    again = await chat.requester.request(endpoints.SEND, nobodys)
    assert (again.seq, again.duplicate) == (first.seq, True)


async def test_a_sent_message_is_in_the_history(chat: Chat) -> None:
    ann = await chat.present("Ann")
    reply = await chat.send(ann.user.id, "héllo\n😀 <b>", "c-1")
    assert not reply.duplicate
    (message,) = await chat.history()
    assert (message.seq, message.id, message.timestamp) == (reply.seq, reply.id, reply.timestamp)
    assert (message.user, message.text, message.client_id) == (ann.user, "héllo\n😀 <b>", "c-1")
    assert message.room == "general"


async def test_paging_skips_malformed_messages_only(chat: Chat, broker: NatsConnection) -> None:
    ann = await chat.present("Ann")
    sequences = await fill(chat, ann.user.id, 23)
    everything = [f"message {n}" for n in range(23)]
    assert texts(await chat.history()) == everything
    assert [message.seq for message in await chat.history()] == sequences
    assert texts(await chat.history(limit=5)) == everything[-5:]
    assert texts(await chat.history(before=sequences[10], limit=4)) == everything[6:10]
    assert texts(await chat.history(before=sequences[3], limit=50)) == everything[:3]
    assert texts(await chat.history(after=sequences[10], limit=4)) == everything[11:15]
    assert texts(await chat.history(after=sequences[20], limit=50)) == everything[21:]
    nothings: tuple[dict[str, Any], ...] = (
        {"before": 1},
        {"before": 0},
        {"after": sequences[-1] + 10},
        {"after": 2**63 - 1},
    )
    for nothing in nothings:
        assert await chat.history(**nothing) == []
    assert texts(await chat.history(before=2**63 - 1, limit=1)) == everything[-1:]
    assert await gauge(broker, CHAT_SERVICE, "malformed") > 0


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_cover_the_room_in_both_directions(chat: Chat, limit: int) -> None:
    ann = await chat.present("Ann")
    await fill(chat, ann.user.id, 9)
    whole = await chat.history(limit=200)
    forward: list[Message] = []
    while page := await chat.history(after=forward[-1].seq if forward else 0, limit=limit):
        assert len(page) <= limit
        forward += page
    backward: list[Message] = []
    while page := await chat.history(before=backward[0].seq if backward else None, limit=limit):
        backward = page + backward
    assert forward == backward == whole
    assert len(whole) == 9


async def test_a_page_continues_past_many_malformed_messages(chat: Chat) -> None:
    ann = await chat.present("Ann")
    first = await chat.send(ann.user.id, "before the stretch")
    for n in range(40):
        await chat.put(message_subject("general", f"junk-{n}"), b"junk")
    await chat.send(ann.user.id, "after the stretch")
    assert texts(await chat.history(after=first.seq, limit=1)) == ["after the stretch"]
    assert texts(await chat.history(limit=2)) == ["before the stretch", "after the stretch"]


async def test_a_page_is_limited_to_the_reply_size(chat: Chat) -> None:
    ann = await chat.present("Ann")
    await asyncio.gather(*(chat.send(ann.user.id, "😀" * 4000, f"c{n}") for n in range(60)))
    page = await chat.history(limit=200)
    assert 0 < len(page) < 60
    assert len(await chat.everything()) == 60


async def test_concurrent_messages_have_the_same_order_on_all_services(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    async with another(broker_process.url) as broker:
        replies = await asyncio.gather(
            *(chat.send((ann, bob)[n % 2].user.id, f"message {n}") for n in range(200))
        )
        one, other = await chat.everything(), await Chat(broker).everything()
    assert one == other
    assert {message.seq: message.text for message in one} == {
        reply.seq: f"message {n}" for n, reply in enumerate(replies)
    }
    assert [message.seq for message in one] == sorted(message.seq for message in one)


async def test_retries_on_two_services_store_one_message(chat: Chat, broker_process: BrokerProcess) -> None:
    ann = await chat.present("Ann")
    async with another(broker_process.url):
        at_once = await asyncio.gather(*(chat.send(ann.user.id, "hello", "c-1") for _ in range(60)))
        later = await chat.send(ann.user.id, "hello again", "c-1")
    assert Counter(reply.duplicate for reply in at_once) == {False: 1, True: 59}
    assert len({(reply.seq, reply.id, reply.timestamp) for reply in [*at_once, later]}) == 1
    assert later.duplicate
    assert texts(await chat.history()) == ["hello"]


async def test_the_same_client_id_of_two_senders_makes_two_messages(chat: Chat) -> None:
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    one = await chat.send(ann.user.id, "mine", "c-1")
    other = await chat.send(bob.user.id, "mine too", "c-1")
    assert one.id != other.id
    assert not other.duplicate


@pytest.mark.parametrize("is_former", [False, True], ids=["shared subject", "former subject"])
async def test_a_client_id_whose_message_is_garbage_is_refused(chat: Chat, is_former: bool) -> None:
    ann = await chat.present("Ann")
    found = message_id(ann.user.id, "c-1")
    if is_former:
        await chat.put(former_message_subject("general", found), b"junk")
    else:
        await chat.put(message_subject("general", found), b'{"id":"' + found.encode() + b'"}')
    fault = await refusal(chat.send(ann.user.id, "hello", "c-1"))
    assert (fault.code, fault.field) == ("idempotency_mismatch", "clientId")
    assert texts(await chat.history()) == []


async def test_only_connected_members_may_send(chat: Chat) -> None:
    ann = await chat.present("Ann")
    await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
    for user_id in (ann.user.id, "nobody"):
        fault = await refusal(chat.send(user_id, "hello"))
        assert (fault.code, fault.field) == ("user_unknown", "userId")
    assert await chat.history() == []


async def test_a_course_frame_without_a_sender_is_relayed_as_guest(chat: Chat) -> None:
    await chat.present("Ann")
    await chat.register("Cleo", dialect=ProtocolVersion.COURSE, connection=connection("c2"))

    async def sender_name(name: str | None) -> str:
        request = SendRequest(
            guest_name=name, client_id=f"c {name}", room="general", text="x", raw=LegacyFrame(data="{}")
        )
        await chat.requester.request(endpoints.SEND, request)
        return (await chat.history(limit=1))[0].user.name

    assert await sender_name("Zoe") == "Zoe"
    assert await sender_name("Cleo") == "Cleo"
    assert await sender_name("ann") == "guest"  # a member with a token holds the name
    assert await sender_name(None) == "guest"
    assert await sender_name("\u202e") == "guest"


@pytest.mark.parametrize(
    ("query", "field", "expected_text"),
    [
        ({"limit": 0}, "limit", "1"),
        ({"limit": 201}, "limit", "200"),
        ({"before": -1}, "before", "0"),
        ({"before": 5, "after": 3}, "before", "after"),
        ({"room": "nowhere"}, "room", "general"),
        ({"room": "general.>"}, "room", "pattern"),
    ],
)
async def test_the_error_of_an_invalid_history_request_names_field_and_limit(
    chat: Chat, query: dict[str, Any], field: str, expected_text: str
) -> None:
    fault = await chat.refused(endpoints.HISTORY, {"room": "general", **query})
    assert fault.field == field
    assert expected_text in fault.message
