"""Floods of mentions: a sender mentions a limited number of people in a time."""

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import MENTIONED_MAX
from opsroom_contracts.chat.reads import UnreadRequest
from services.chat.tests.harness import Chat
from services.chat.tests.rooms import Rooms


async def mentions_of(chat: Chat, user_id: str, room: str) -> int:
    request = UnreadRequest(user_id=user_id, rooms=(room,), at_least=(await chat.messages.bounds()).last)
    (found,) = (await chat.requester.request(endpoints.UNREAD, request)).rooms
    return found.mentions


async def test_a_flood_of_mentions_ends_but_its_messages_are_stored(chat: Chat) -> None:
    """Defense: a budget for each sender, of which a mention of everybody takes more."""
    ann, bob, eve = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob", "Eve")]
    rooms = Rooms(chat.requester)
    room = (await rooms.create(ann, "Deploys", private=True)).id
    await rooms.invite(ann, room, bob, eve)
    texts = [f"@room @here @Bob @Eve @all {number}" for number in range(30)]
    for text in texts:
        await chat.send(ann, text, room=room)
    mentioned = await mentions_of(chat, bob, room)
    assert 1 <= mentioned < 10, "mentions of everybody cost more than those of one"
    stored = await chat.history(room=room, user_id=bob, limit=200)
    assert [one.text for one in stored] == texts
    assert sum(one.mentions is not None for one in stored) == mentioned
    assert (await chat.send(bob, "@Ann", room=room)).seq, "others still mention"
    assert await mentions_of(chat, ann, room) == 1


async def test_one_message_mentions_few_people_and_each_once(chat: Chat) -> None:
    names = [f"user {number}" for number in range(30)]
    ids = {name: (await chat.register(name)).user.id for name in names}
    ann = (await chat.present("Ann")).user.id
    text = " ".join(f"@{name}." for name in [*names, *names, "Ann", "nobody"])
    await chat.send(ann, text, client_id="a-long-one")
    (message,) = await chat.history()
    assert message.mentions is not None
    assert len(message.mentions.users) == len(set(message.mentions.users)) <= min(20, MENTIONED_MAX)
    assert ann not in message.mentions.users
    assert set(message.mentions.users) <= set(ids.values())
