"""Removing messages over NATS, with one and two chat services."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsroom_contracts.chat.events import MESSAGE_REMOVED, MessageRemoved
from opsroom_contracts.chat.models import (
    SendReply,
)
from opsroom_contracts.chat.moderation import (
    Erasure,
)
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import (
    CHAT_ERASURES,
    CHAT_EVENTS,
    erasure_subject,
    former_message_subject,
    message_subject,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.streams import audit_stream, ensure_stream
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import Chat, another, process, refusal, service
from services.chat.tests.moderation import Moderator


def on_disk(folder: Path, text: str) -> list[str]:
    """Return the broker's files that contain ``text``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if text.encode() in path.read_bytes()]


async def nothing_to_erase(chat: Chat) -> None:
    await until_answer(lambda: chat.messages.last(CHAT_ERASURES), lambda stored: stored is None)


async def test_removing_a_message_erases_it_and_leaves_a_tombstone(
    chat: Chat, moderator: Moderator, tmp_path: Path, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    sent = [await chat.send(ann.user.id, f"text {n} of Ann") for n in range(3)]
    assert on_disk(tmp_path, "text 1 of Ann")
    reply = await moderator.remove(sent[1].id)
    assert [message.text for message in await chat.history()] == ["text 0 of Ann", "text 2 of Ann"]
    assert await chat.history(after=sent[0].seq, before=None, limit=1) == [
        message for message in await chat.history() if message.seq == sent[2].seq
    ]
    assert not on_disk(tmp_path, "text 1 of Ann")
    stored = await chat.messages.page(CHAT_EVENTS, start=1, count=10)
    assert [one.seq for one in stored] == [sent[0].seq, sent[2].seq, reply.seq]
    removed = MESSAGE_REMOVED.read(stored[-1].data)
    assert (removed.id, removed.message_seq, removed.sent_at) == (sent[1].id, sent[1].seq, sent[1].timestamp)
    await nothing_to_erase(chat)
    # Removing or sending it again changes nothing.
    assert await moderator.remove(sent[1].id) == reply
    again = await chat.send(ann.user.id, "text 1 of Ann")
    assert (again.seq, again.id, again.timestamp, again.duplicate) == (
        sent[1].seq,
        sent[1].id,
        sent[1].timestamp,
        True,
    )
    assert len(await chat.messages.page(CHAT_EVENTS, start=1, count=10)) == 3


async def test_removing_an_unknown_or_malformed_message_is_refused(chat: Chat, moderator: Moderator) -> None:
    assert (await refusal(moderator.remove("nothing"))).code == "message_unknown"
    await chat.put(former_message_subject("general", "junk"), b"junk")
    assert (await refusal(moderator.remove("junk"))).field == "id"
    assert await chat.messages.last(CHAT_ERASURES) is None


async def test_concurrent_removals_on_two_services_remove_once(
    chat: Chat, moderator: Moderator, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url) as other:
        ann = await chat.present("Ann")
        for n in range(10):
            sent = await chat.send(ann.user.id, f"message {n}")
            moderators = [moderator, Moderator(Chat(other)), moderator, moderator]
            replies = await asyncio.gather(*(one.remove(sent.id) for one in moderators))
            assert len({reply.seq for reply in replies}) == 1
        assert await chat.history() == []
        assert len(await chat.messages.page(CHAT_EVENTS, start=1, count=50)) == 10
        await nothing_to_erase(chat)


@pytest.mark.parametrize("restarted", [False, True], ids=["one lives on", "a new one"])
async def test_an_erasure_interrupted_by_a_crash_is_completed(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, restarted: bool
) -> None:
    chat = Chat(broker)
    async with service(broker):
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sent = await chat.send(ann.user.id, "the text of Ann")
        if not restarted:
            await store_interrupted_removal(chat, sent)
            await nothing_to_erase(chat)
    if restarted:
        await store_interrupted_removal(chat, sent)
        async with service(broker):
            assert await chat.messages.last(CHAT_ERASURES) is None
    assert not on_disk(tmp_path, "the text of Ann")
    async with service(broker):
        assert await chat.history() == []


async def store_interrupted_removal(chat: Chat, sent: SendReply) -> None:
    """Store the records of a process that crashed before the erasure."""
    now = datetime.now(UTC)
    place = {"id": sent.id, "room": "general", "message_seq": sent.seq}
    removed = MessageRemoved(**place, sent_at=sent.timestamp, timestamp=now)  # type: ignore[arg-type]
    await chat.put(message_subject("general", sent.id), encode(removed))
    await chat.put(erasure_subject(sent.id), encode(Erasure(**place)))  # type: ignore[arg-type]


async def test_confirmed_removals_survive_killed_processes(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=40)
    async with process(broker_process.url, chat.requester) as killed:
        await ensure_stream(broker, audit_stream(max_age=0, max_bytes=-1, replicas=1))
        async with process(broker_process.url, chat.requester):
            await chat.lease("g1")
            ann = await chat.register("Ann")
            sent = [await chat.send(ann.user.id, f"the text {n} of Ann") for n in range(40)]
            moderator, removed = Moderator(chat), 0

            async def remove(message_id: str) -> None:
                nonlocal removed
                await moderator.remove(message_id)
                removed += 1

            async with asyncio.TaskGroup() as group:
                for one in sent:
                    group.create_task(remove(one.id))
                await until(lambda: removed > 3, 40)
                await killed.kill()
            assert await chat.history() == []
            assert not on_disk(tmp_path, "of Ann")
            await nothing_to_erase(chat)


async def test_malformed_and_newer_erasures_do_not_block_others(
    chat: Chat, moderator: Moderator, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    sent = await chat.send(ann.user.id, "hi")
    newer = await chat.put(
        erasure_subject("newer"), b'{"version":9,"room":"general","id":"x","messageSeq":1}'
    )
    await chat.put(erasure_subject("junk"), b"junk")
    await store_interrupted_removal(chat, sent)

    async def left() -> list[int]:
        return [one.seq for one in await chat.messages.page(CHAT_ERASURES, start=1, count=10)]

    await until_answer(left, lambda sequences: sequences == [newer])
