"""Cards are stored once for each key and generation, and updated in place, with one and two chat services."""

import asyncio
import re
from pathlib import Path

import pytest

from opsroom_contracts.chat.models import User
from opsroom_contracts.incidents.cards import CardStatus, card_message_id, plain_text
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.cards import BOT, Poster, card
from services.chat.tests.changes import Author
from services.chat.tests.harness import Chat, another, process, refusal
from services.chat.tests.log.steps import chat_proxy
from services.chat.tests.messages.test_message_removal import nothing_to_erase, on_disk
from services.chat.tests.moderation import Moderator
from services.chat.tests.rooms import Rooms

SECONDS = 120.0
STEPS = 12
_TITLE = re.compile(rb"Disk at [0-9]+ %")


async def test_a_card_is_a_message_and_its_update_an_edit_at_its_place(chat: Chat, tmp_path: Path) -> None:
    poster = Poster(chat)
    first = await poster.put(card(1))
    await poster.put(card(2, key="other"))
    updated = await poster.put(card(3, status=CardStatus.RESOLVED))
    assert (first.id, first.duplicate) == (card_message_id("general", "test", "disk", 0), False)
    assert (updated.id, updated.duplicate) == (first.id, False)
    message, other = await chat.history()
    assert (message.id, message.seq, message.user) == (first.id, first.seq, BOT)
    assert message.card == card(3, status=CardStatus.RESOLVED)
    assert message.text == plain_text(message.card)
    assert message.edited_at == updated.timestamp
    assert other.card == card(2, key="other")
    assert not on_disk(tmp_path, "Disk at 1 %")
    await nothing_to_erase(chat)


async def test_what_fires_again_is_a_message_at_the_end(chat: Chat) -> None:
    poster = Poster(chat)
    first = await poster.put(card(1))
    await poster.put(card(2, status=CardStatus.RESOLVED))
    again = await poster.put(card(3, generation=1))
    assert again.id != first.id
    shown = [one.card for one in await chat.history()]
    assert [one and one.status for one in shown] == [CardStatus.RESOLVED, CardStatus.FIRING]


async def test_repeated_and_late_cards_change_nothing(chat: Chat) -> None:
    poster = Poster(chat)
    first = await poster.put(card(1), "a")
    assert (await poster.put(card(1), "a")).duplicate
    assert (await poster.put(card(1), "again")).duplicate
    second = await poster.put(card(5), "b")
    assert (await poster.put(card(5), "b")).seq == second.seq
    assert (await poster.put(card(4), "c")).duplicate
    assert (await poster.put(card(9), "a")).id == first.id
    (message,) = await chat.history()
    assert message.card == card(9)
    assert (await poster.put(card(8), "a")).duplicate


async def test_a_card_without_a_key_is_one_message_for_each_request(chat: Chat) -> None:
    poster = Poster(chat)
    sent = [await poster.put(card(n % 2, key=None), f"key {n % 2}") for n in range(4)]
    assert [one.duplicate for one in sent] == [False, False, True, True]
    assert len(await chat.history()) == 2


async def test_a_removed_card_stays_removed(chat: Chat, moderator: Moderator, tmp_path: Path) -> None:
    poster = Poster(chat)
    sent = await poster.put(card(1))
    await moderator.remove(sent.id)
    assert (await poster.put(card(2))).duplicate
    assert await chat.history() == []
    assert not on_disk(tmp_path, "Disk at")
    await poster.put(card(3, generation=1))
    assert len(await chat.history()) == 1


async def test_a_card_keeps_its_thread_and_pin_and_mentions_nobody(chat: Chat) -> None:
    ann = await chat.present("Ann")
    poster, author = Poster(chat), Author(chat, ann.user.id)
    root = await poster.put(card(1, text="@Ann @room"))
    await author.pin(root.id)
    reply = await poster.put(card(2, key="in the thread"), thread=root.id)
    await poster.put(card(3, key="in the thread"), thread=root.id)
    await poster.put(card(4, text="@Ann @room"))
    message = next(one for one in await chat.history() if one.id == root.id)
    assert (message.pinned, message.mentions) == (True, None)
    assert message.replies is not None
    assert (message.replies.replies, message.replies.last) == (1, reply.seq)
    assert (await refusal(author.edit(root.id, "mine"))).code == "forbidden"
    assert (await refusal(poster.put(card(1, key="x"), thread="nothing"))).code == "message_unknown"


async def test_only_a_bot_writes_cards_and_only_its_own(chat: Chat) -> None:
    ann = await chat.present("Ann")
    person = Poster(chat, author=ann.user)
    assert (await refusal(person.put(card()))).field == "author"
    await Poster(chat).put(card(1))
    other = Poster(chat, author=User(id="bot-hook-2", name="other"))
    assert (await refusal(other.put(card(2)))).code == "forbidden"
    assert (await refusal(Poster(chat, room="nowhere").put(card()))).code == "room_unknown"


async def test_a_private_room_gets_cards_until_it_is_archived(chat: Chat) -> None:
    ann = await chat.present("Ann")
    rooms = Rooms(chat.requester)
    room = await rooms.create(ann.user.id, "ops", private=True)
    poster = Poster(chat, room=room.id)
    sent = await poster.put(card(1))
    (message,) = await chat.history(room.id, user_id=ann.user.id)
    assert message.id == sent.id
    await rooms.change(ann.user.id, room.id, archived=True)
    assert (await refusal(poster.put(card(2)))).code == "forbidden"


async def test_concurrent_cards_at_two_services_leave_the_newest(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    async with another(broker_process.url) as other:
        posters = [Poster(chat), Poster(Chat(other))]
        for round_ in range(5):
            key = f"key {round_}"
            replies = await asyncio.gather(
                *(posters[n % 2].put(card(n, key=key)) for n in (2, 0, 3, 1)),
                *(posters[n % 2].put(card(3, key=key)) for n in range(2)),
            )
            assert len({one.id for one in replies}) == 1
            shown = [one.card for one in await chat.history() if one.card and one.card.key == key]
            assert shown == [card(3, key=key)]
        await nothing_to_erase(chat)


def titles_on_disk(folder: Path) -> set[bytes]:
    """Return the titles of cards that are in any of the broker's files."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {found for path in files for found in _TITLE.findall(path.read_bytes())}


async def kill_at(step: int, broker: BrokerProcess, poster: Poster, last: int, index: Path) -> int:
    """Start a process, and kill it at this step while a card is updated; return the last update."""
    proxy = chat_proxy(broker)
    url = f"nats://127.0.0.1:{await proxy.start()}"
    try:
        async with process(url, poster.chat.requester, index) as killed, asyncio.timeout(SECONDS):
            await proxy.serves.wait()
            proxy.stop_at(step, killed.kill)
            while not proxy.reached.is_set():
                last += 1
                await asyncio.gather(poster.put(card(last)), poster.put(card(last, key=f"other {last}")))
    finally:
        await proxy.stop()
    await poster.put(card(last + 1))
    return last + 1


@pytest.mark.timeout(400)
async def test_a_process_killed_at_any_step_of_an_update_leaves_one_card(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=SECONDS)
    poster = Poster(chat)
    async with process(broker_process.url, chat.requester, tmp_path / "other"):
        last = 0
        for step in range(1, STEPS + 1):
            last = await kill_at(step, broker_process, poster, last, tmp_path / "index")
        await nothing_to_erase(chat)
        cards = [one.card for one in await chat.everything() if one.card is not None]
        assert [one for one in cards if one.key == "disk"] == [card(last)]
        others = [one.key for one in cards if one.key != "disk"]
        assert sorted(set(others), key=others.index) == others
        expected = {one.title.encode() for one in cards}
        assert titles_on_disk(tmp_path) <= expected
