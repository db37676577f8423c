"""A room as it was at an earlier sequence, beside what the reader saw then."""

import random
from typing import Any

import pytest

from opsroom_chat.messages.past import Past
from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import HistoryReply, HistoryRequest
from opsroom_contracts.errors import ErrorCode
from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.changes import Author
from services.chat.tests.harness import Chat, refusal, service


async def past(chat: Chat, at: int, **query: Any) -> HistoryReply:
    request = HistoryRequest(room="general", at=at, **query)
    return await chat.requester.request(endpoints.HISTORY, request)


def shown(page: HistoryReply) -> list[tuple[int, str]]:
    """Return the places of a page, with the texts or what is there instead."""
    rows = [(one.seq, one.text) for one in page.messages]
    rows += [(one.seq, "removed" if one.removed else "edited") for one in page.erased or ()]
    return sorted(rows)


async def whole(chat: Chat, at: int, limit: int) -> list[tuple[int, str]]:
    """Return the whole room as it was, page by page."""
    page = await past(chat, at, limit=limit)
    found = shown(page)
    while page.next is not None:
        page = await past(chat, at, limit=limit, before=page.next)
        found = shown(page) + found
    return found


async def test_what_was_erased_since_is_shown_as_erased(broker: NatsConnection) -> None:
    async with service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = (await chat.present("Ann")).user
        author = Author(chat, ann.id)
        zero, one, two, three = [await chat.send(ann.id, text) for text in ("zero", "one", "two", "three")]
        first_edit = await author.edit(one.id, "one, edited")
        then = (await author.react(three.id)).seq
        await author.edit(one.id, "one, edited again")
        await author.delete(two.id)
        await chat.send(ann.id, "four")
        page = await past(chat, then)
        kept, gone = (zero.seq, "zero"), [(one.seq, "edited"), (two.seq, "removed")]
        assert shown(page) == [kept, *gone, (three.seq, "three")]
        assert page.as_of == then
        erased = page.erased or ()
        assert [(entry.id, entry.user) for entry in erased] == [(one.id, ann), (two.id, None)]
        assert all(message.reactions is None for message in page.messages)
        assert shown(await past(chat, two.seq)) == [kept, *gone]
        assert shown(await past(chat, three.seq, before=three.seq)) == [kept, *gone]
        assert first_edit.seq > three.seq
        assert b"one, edited again" not in str(page).encode()


async def test_an_edit_that_was_made_before_is_shown(broker: NatsConnection) -> None:
    async with service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = (await chat.present("Ann")).user
        one = await chat.send(ann.id, "one")
        edited = await Author(chat, ann.id).edit(one.id, "one, edited")
        reply = await Author(chat, ann.id).reply(one.id, "in its thread", broadcast=False)
        await Author(chat, ann.id).edit(reply.id, "still in its thread")
        assert shown(await past(chat, edited.seq)) == [(one.seq, "one, edited")]
        assert shown(await past(chat, reply.seq)) == [(one.seq, "one, edited")]


@pytest.mark.parametrize("seed", range(2))
async def test_any_moment_is_what_a_reader_saw_then(broker: NatsConnection, seed: int) -> None:
    """A reader folds the events up to a moment; later ones erase what they replace."""
    chance = random.Random(seed)
    async with service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = (await chat.present("Ann")).user
        author = Author(chat, ann.id)
        first = await chat.send(ann.id, "stays")  # what is erased at the beginning is gone from the stream
        ids: list[str] = []
        history: list[tuple[int, str, int, str]] = []  # sequence, kind, place, text
        places: dict[str, int] = {}
        for number in range(40):
            kind = chance.choice(("send", "send", "edit", "delete")) if ids else "send"
            text = f"text {number}"
            if kind == "send":
                reply = await chat.send(ann.id, text)
                ids.append(reply.id)
                places[reply.id] = reply.seq
                target = reply.id
            else:
                target = chance.choice(ids)
                reply = await (author.edit(target, text) if kind == "edit" else author.delete(target))
                if kind == "delete":
                    ids.remove(target)
            history.append((reply.seq, kind, places[target], text))
        for at in chance.sample([seq for seq, *_ in history], 12):
            expected = [(first.seq, "stays"), *_expected(history, at)]
            assert await whole(chat, at, chance.choice((3, 7, 50))) == expected


def _expected(history: list[tuple[int, str, int, str]], at: int) -> list[tuple[int, str]]:
    """Return what is shown of a moment, by the list of what was done."""
    rows: dict[int, str] = {}
    for seq, kind, place, text in history:
        if seq <= at:
            if kind == "delete":
                rows.pop(place)
            else:
                rows[place] = text
        elif place in rows:
            rows[place] = {"edit": "edited", "delete": "removed"}[kind]
    return sorted(rows.items())


async def test_what_can_not_be_shown_is_refused_with_the_oldest(
    broker: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Past.__init__, "__kwdefaults__", {"reach": 3})
    async with service(broker):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = (await chat.present("Ann")).user
        sent = [await chat.send(ann.id, f"{number}") for number in range(6)]
        future = await refusal(past(chat, sent[-1].seq + 1000))
        assert (future.code, future.field) == (ErrorCode.INVALID_REQUEST, "at")
        far = await refusal(past(chat, sent[1].seq))
        assert far.message.endswith(f"the oldest is {sent[2].seq}")
        assert len((await past(chat, sent[2].seq)).messages) == 3
        both = await refusal(past(chat, sent[2].seq, after=1))
        assert both.field == "after"
        await broker.jetstream.purge_stream("CHAT", seq=sent[3].seq)
        gone = await refusal(past(chat, sent[2].seq))
        assert gone.message == f"at: is no longer stored: the oldest sequence is {sent[3].seq}"
