"""Authors edit and delete their messages, with one and two chat services."""

import asyncio
from pathlib import Path

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import CHAT_EVENT, MessageEdited, MessageRemoved
from opsroom_contracts.chat.models import EDIT_KEYS_MAX
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.changes import Author
from services.chat.tests.harness import Chat, another, refusal
from services.chat.tests.messages.test_message_removal import nothing_to_erase, on_disk
from services.chat.tests.moderation import Moderator


async def test_an_edit_replaces_the_text_at_its_place_and_erases_the_one_before(
    chat: Chat, tmp_path: Path, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    author = Author(chat, ann.user.id)
    sent = [await chat.send(ann.user.id, f"text {n} of Ann", f"c{n}") for n in range(3)]
    reply = await author.edit(sent[1].id, "another text of Ann")
    assert (reply.id, reply.duplicate) == (sent[1].id, False)
    assert reply.seq > sent[2].seq
    history = await chat.history()
    assert [one.text for one in history] == ["text 0 of Ann", "another text of Ann", "text 2 of Ann"]
    assert [one.seq for one in history] == [one.seq for one in sent]
    assert history[1].edited_at == reply.timestamp
    assert history[1].timestamp == sent[1].timestamp
    assert [one.edited_at for one in (history[0], history[2])] == [None, None]
    assert not on_disk(tmp_path, "text 1 of Ann")
    second = await author.edit(sent[1].id, "a third text of Ann")
    assert not on_disk(tmp_path, "another text of Ann")
    stored = await chat.messages.page(CHAT_EVENTS, start=1, count=10)
    assert [one.seq for one in stored] == [sent[0].seq, sent[2].seq, second.seq]
    edited = CHAT_EVENT.read(stored[-1].data)
    assert isinstance(edited, MessageEdited)
    assert (edited.message_seq, edited.replaced_seq) == (sent[1].seq, reply.seq)
    await nothing_to_erase(chat)
    # A retry of the message's first request finds it.
    again = await chat.send(ann.user.id, "text 1 of Ann", "c1")
    assert (again.seq, again.timestamp, again.duplicate) == (sent[1].seq, sent[1].timestamp, True)


async def test_a_page_has_edited_messages_of_its_range_only(chat: Chat) -> None:
    ann = await chat.present("Ann")
    author = Author(chat, ann.user.id)
    sent = [await chat.send(ann.user.id, f"{n}") for n in range(12)]
    for n in (1, 2, 5, 8, 11):
        await author.edit(sent[n].id, f"{n}!")
    expected = [f"{n}!" if n in {1, 2, 5, 8, 11} else f"{n}" for n in range(12)]
    assert [one.text for one in await chat.history()] == expected
    forwards = [one.text for one in await chat.everything()]
    assert forwards == expected
    for limit in (1, 2, 3, 5):
        found: list[str] = []
        before: int | None = None
        while page := await chat.history(before=before, limit=limit):
            found = [one.text for one in page] + found
            before = page[0].seq
        assert found == expected
        found, after = [], 0
        while page := await chat.history(after=after, limit=limit):
            found += [one.text for one in page]
            after = page[-1].seq
        assert found == expected


async def test_a_retry_of_an_edit_does_not_undo_a_later_one(chat: Chat) -> None:
    ann = await chat.present("Ann")
    author = Author(chat, ann.user.id)
    sent = await chat.send(ann.user.id, "0")
    first = await author.edit(sent.id, "1", "first")
    assert (await author.edit(sent.id, "1", "first")).model_dump() == {
        **first.model_dump(),
        "duplicate": True,
    }
    assert (await author.edit(sent.id, "1", "other")).duplicate
    later = [await author.edit(sent.id, f"later {n}") for n in range(EDIT_KEYS_MAX - 1)]
    again = await author.edit(sent.id, "1", "first")
    assert (again.seq, again.duplicate) == (later[-1].seq, True)
    assert [one.text for one in await chat.history()] == [f"later {EDIT_KEYS_MAX - 2}"]


async def test_only_the_author_may_edit_or_delete_a_message(chat: Chat, moderator: Moderator) -> None:
    ann = await chat.present("Ann")
    bob = await chat.present("Bob", "c2")
    sent = await chat.send(ann.user.id, "hi")
    other = Author(chat, bob.user.id)
    assert (await refusal(other.edit(sent.id, "ho"))).code == "forbidden"
    assert (await refusal(other.delete(sent.id))).code == "forbidden"
    assert (await refusal(Author(chat, "guest").edit(sent.id, "ho"))).code == "user_unknown"
    author = Author(chat, ann.user.id)
    assert (await refusal(author.edit("nothing", "ho"))).code == "message_unknown"
    assert (await refusal(author.edit(sent.id, " \n"))).field == "text"
    await moderator.mute("Ann")
    assert (await refusal(author.edit(sent.id, "ho"))).code == "muted"
    assert [one.text for one in await chat.history()] == ["hi"]
    # Who is muted may take something back.
    deleted = await author.delete(sent.id)
    assert (await author.delete(sent.id)).model_dump() == {**deleted.model_dump(), "duplicate": True}
    assert await chat.history() == []


async def test_a_deleted_message_is_erased_and_can_not_be_edited(
    chat: Chat, moderator: Moderator, tmp_path: Path, broker: NatsConnection
) -> None:
    ann = await chat.present("Ann")
    author = Author(chat, ann.user.id)
    sent = await chat.send(ann.user.id, "the first text of Ann", "c")
    edited = await author.edit(sent.id, "the second text of Ann")
    await author.delete(sent.id)
    assert not on_disk(tmp_path, "text of Ann")
    assert (await refusal(author.edit(sent.id, "back again"))).code == "message_unknown"
    stored = await chat.messages.page(CHAT_EVENTS, start=1, count=10)
    removed = CHAT_EVENT.read(stored[-1].data)
    assert isinstance(removed, MessageRemoved)
    assert (removed.message_seq, removed.replaced_seq, removed.by_author) == (sent.seq, edited.seq, True)
    again = await chat.send(ann.user.id, "the first text of Ann", "c")
    assert (again.seq, again.duplicate) == (sent.seq, True)
    other = await chat.send(ann.user.id, "removed by a moderator", "d")
    await author.edit(other.id, "edited before")
    await moderator.remove(other.id)
    assert not on_disk(tmp_path, "edited before")
    assert await chat.history() == []


@pytest.mark.parametrize("text", ["x" * 4001, "\ud800"], ids=["long", "surrogate"])
async def test_a_text_that_could_not_be_sent_is_refused(chat: Chat, text: str) -> None:
    request = {"userId": "u", "clientId": "c", "room": "general", "id": "m", "text": text}
    assert (await chat.refused(endpoints.EDIT, request)).field in {"text", None}


async def test_concurrent_edits_and_a_removal_at_two_services_have_one_winner(
    chat: Chat, moderator: Moderator, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    ann = await chat.present("Ann")
    async with another(broker_process.url) as other:
        authors = [Author(chat, ann.user.id), Author(Chat(other), ann.user.id)]
        for round_ in range(5):
            sent = await chat.send(ann.user.id, f"text {round_}", f"c{round_}")
            edits = [authors[n % 2].edit(sent.id, f"edit {n} of {round_}") for n in range(6)]
            replies = await asyncio.gather(*edits)
            last = max(replies, key=lambda reply: reply.seq)
            winner = f"edit {replies.index(last)} of {round_}"
            for author in authors:
                (shown,) = (await author.page(limit=1)).messages
                assert (shown.text, shown.edited_at) == (winner, last.timestamp)
            await asyncio.gather(
                authors[0].edit(sent.id, f"late edit of {round_}"),
                Moderator(Chat(other)).remove(sent.id),
                return_exceptions=True,
            )
            for author in authors:
                assert (await author.page()).messages == ()
            for n in range(6):
                assert not on_disk(tmp_path, f"edit {n} of {round_}")
            assert not on_disk(tmp_path, f"late edit of {round_}")


async def test_an_edit_mentions_who_its_text_mentions(chat: Chat) -> None:
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    author = Author(chat, ann.user.id)
    sent = await chat.send(ann.user.id, "hi all")
    await author.edit(sent.id, "hi @Bob")
    (message,) = await chat.history()
    assert message.mentions is not None
    assert message.mentions.users == (bob.user.id,)
    await author.edit(sent.id, "hi again")
    assert (await chat.history())[0].mentions is None
