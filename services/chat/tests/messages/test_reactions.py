"""Reactions and pins, with one and two chat services."""

import asyncio

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import PINS_MAX, REACTIONS_MAX, REACTORS_MAX, Reactions, SendReply
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.changes import Author
from services.chat.tests.harness import Chat, another, refusal, service
from services.chat.tests.moderation import Moderator

EMOJI = [chr(0x1F600 + n) for n in range(REACTIONS_MAX + 1)]


async def people(chat: Chat, count: int) -> list[Author]:
    """Return people who are there."""
    users = [await chat.present(f"Person {n}", f"c{n}") for n in range(count)]
    return [Author(chat, one.user.id) for one in users]


async def shown(reader: Author, message: SendReply) -> tuple[Reactions, ...]:
    """Return the reactions to a message as a person sees them."""
    (found,) = (one for one in (await reader.page()).messages if one.id == message.id)
    return found.reactions or ()


async def test_reactions_are_counted_and_taken_back(chat: Chat) -> None:
    ann, bob, eve = await people(chat, 3)
    sent = await chat.send(ann.user_id, "hi")
    first = await bob.react(sent.id)
    assert not first.duplicate
    again = await bob.react(sent.id)
    assert (again.id, again.duplicate) == (sent.id, True)
    await ann.react(sent.id)
    await ann.react(sent.id, "🎉")
    thumbs, party = await shown(ann, sent)
    assert (thumbs.emoji, thumbs.count, thumbs.me) == ("👍", 2, True)
    assert [user.name for user in thumbs.users] == ["Person 1", "Person 0"]
    assert (party.emoji, party.count, party.me) == ("🎉", 1, True)
    assert [one.me for one in await shown(eve, sent)] == [None, None]
    assert (await eve.react(sent.id, on=False)).duplicate
    await bob.react(sent.id, on=False)
    assert [(one.emoji, one.count) for one in await shown(bob, sent)] == [("👍", 1), ("🎉", 1)]
    await ann.react(sent.id, on=False)
    assert [one.emoji for one in await shown(bob, sent)] == ["🎉"]
    stored = await chat.messages.page(CHAT_EVENTS, start=1, count=20)
    assert len(stored) == 6  # nothing is stored that changes nothing


async def test_a_message_names_the_first_people_and_has_a_maximum_of_emoji(chat: Chat) -> None:
    everybody = await people(chat, REACTORS_MAX + 3)
    ann = everybody[0]
    sent = await chat.send(ann.user_id, "hi")
    await asyncio.gather(*(one.react(sent.id) for one in everybody))
    (thumbs,) = await shown(ann, sent)
    assert (thumbs.count, len(thumbs.users), thumbs.me) == (REACTORS_MAX + 3, REACTORS_MAX, True)
    for emoji in EMOJI[: REACTIONS_MAX - 1]:
        await ann.react(sent.id, emoji)
    fault = await refusal(ann.react(sent.id, EMOJI[-1]))
    assert (fault.code, fault.field) == ("invalid_request", "emoji")
    await everybody[1].react(sent.id, EMOJI[0])  # one that is there already
    await ann.react(sent.id, EMOJI[1], on=False)
    await ann.react(sent.id, EMOJI[-1])


async def test_a_reaction_to_what_is_not_there_or_not_an_emoji_is_refused(
    chat: Chat, moderator: Moderator
) -> None:
    (ann,) = await people(chat, 1)
    sent = await chat.send(ann.user_id, "hi")
    assert (await refusal(ann.react("nothing"))).code == "message_unknown"
    assert (await refusal(ann.pin("nothing"))).code == "message_unknown"
    request = {"userId": ann.user_id, "clientId": "c", "room": "general", "id": sent.id, "on": True}
    fault = await chat.refused(endpoints.REACT, {**request, "emoji": "yes"})
    assert (fault.field, "one emoji" in fault.message) == ("emoji", True)
    await ann.react(sent.id)
    await ann.pin(sent.id)
    await moderator.remove(sent.id)
    assert (await refusal(ann.react(sent.id, on=False))).code == "message_unknown"
    assert (await ann.pins()).pins == ()
    await moderator.mute("Person 0")
    assert (await refusal(ann.react(sent.id))).code == "muted"


async def test_reactions_and_pins_stay_with_an_edited_message(chat: Chat) -> None:
    (ann,) = await people(chat, 1)
    sent = await chat.send(ann.user_id, "hi")
    await ann.react(sent.id)
    await ann.pin(sent.id)
    await ann.edit(sent.id, "ho")
    (message,) = (await ann.page()).messages
    assert message.reactions is not None
    assert (message.text, message.pinned, len(message.reactions)) == ("ho", True, 1)
    await ann.react(sent.id, "🎉")
    assert len(await shown(ann, sent)) == 2
    (pin,) = (await ann.pins()).pins
    assert (pin.by.id, pin.message) == (ann.user_id, (await ann.page()).messages[0])


async def test_pins_are_listed_from_the_last_one_and_have_a_maximum(chat: Chat) -> None:
    (ann,) = await people(chat, 1)
    sent = [await chat.send(ann.user_id, f"{n}") for n in range(PINS_MAX + 1)]
    for one in sent[:PINS_MAX]:
        assert not (await ann.pin(one.id)).duplicate
    assert (await ann.pin(sent[0].id)).duplicate
    assert [pin.message.text for pin in (await ann.pins()).pins] == [
        f"{n}" for n in reversed(range(PINS_MAX))
    ]
    assert (await refusal(ann.pin(sent[-1].id))).code == "invalid_request"
    await ann.pin(sent[0].id, on=False)
    assert (await ann.pin(sent[0].id, on=False)).duplicate
    await ann.pin(sent[-1].id)
    assert (await ann.pins()).pins[0].message.id == sent[-1].id


async def test_two_services_together_do_not_pin_more_than_the_maximum(
    chat: Chat, broker_process: BrokerProcess
) -> None:
    (ann,) = await people(chat, 1)
    sent = [await chat.send(ann.user_id, f"{n}") for n in range(PINS_MAX + 8)]
    await asyncio.gather(*(ann.pin(one.id) for one in sent[: PINS_MAX - 2]))
    async with another(broker_process.url) as other:
        there = Author(Chat(other), ann.user_id)
        results = await asyncio.gather(
            *((ann if n % 2 else there).pin(one.id) for n, one in enumerate(sent[PINS_MAX - 2 :])),
            return_exceptions=True,
        )
        refused = [one.fault.code for one in results if isinstance(one, FaultError)]
        assert refused == ["invalid_request"] * 8
        assert len((await there.pins()).pins) == PINS_MAX
        # What is removed makes room, also if it was pinned in the same moment.
        racing = [one for n in range(4) for one in (ann.pin(sent[n].id), there.delete(sent[n].id))]
        await asyncio.gather(*racing, return_exceptions=True)
        left = {pin.message.id for pin in (await ann.pins()).pins}
        assert len(left) == PINS_MAX - 4
        more = [one for one in sent[4:] if one.id not in left]
        await asyncio.gather(*(ann.pin(one.id) for one in more[:4]))
        assert (await refusal(there.pin(more[4].id))).code == "invalid_request"
        assert len((await there.pins()).pins) == PINS_MAX


async def test_two_services_agree_on_every_count(
    chat: Chat, broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    everybody = await people(chat, 6)
    async with another(broker_process.url) as other:
        others = [Author(Chat(other), one.user_id) for one in everybody]
        sent = await chat.send(everybody[0].user_id, "hi")

        async def toggle(one: Author, times: int) -> None:
            for n in range(times):
                await one.react(sent.id, on=n % 2 == 0)

        # Each person reacts at one service after another, and some end with a reaction.
        pairs = zip(everybody, others, strict=True)
        await asyncio.gather(
            *(toggle(here if n % 2 else there, 3 + n % 2) for n, (here, there) in enumerate(pairs))
        )
        assert (await others[0].react(sent.id)).duplicate
        for reader in (everybody[1], others[1]):
            (thumbs,) = await shown(reader, sent)
            assert (thumbs.count, len(thumbs.users)) == (3, 3)


@pytest.mark.parametrize("has_index", [False, True])
async def test_another_process_has_the_same_details(
    broker: NatsConnection, tmp_path_factory: pytest.TempPathFactory, has_index: bool
) -> None:
    folder = tmp_path_factory.mktemp("index")
    chat = Chat(broker)
    async with service(broker, index_dir=folder):
        await chat.lease("g1")
        ann, bob = await people(chat, 2)
        sent = [await chat.send(ann.user_id, f"{n}") for n in range(4)]
        await ann.edit(sent[1].id, "edited")
        await ann.react(sent[1].id)
        await bob.react(sent[1].id)
        await bob.react(sent[1].id, on=False)
        await bob.pin(sent[2].id)
        await ann.delete(sent[3].id)
        before, pins = await ann.page(), await ann.pins()
    async with service(broker, index_dir=folder if has_index else None):
        assert await ann.page() == before
        assert await ann.pins() == pins


async def test_who_may_not_read_a_room_can_not_change_its_messages(chat: Chat) -> None:
    (ann,) = await people(chat, 1)
    stranger = Author(chat, ann.user_id, "r-2ne4xyw7oqx5cqw5fmmqvxnz")
    for request in (
        stranger.edit("m", "x"),
        stranger.delete("m"),
        stranger.react("m"),
        stranger.pin("m"),
        stranger.pins(),
    ):
        with pytest.raises(FaultError) as refused:
            await request
        assert refused.value.fault.code == "room_unknown"
