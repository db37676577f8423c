"""A snapshot of a room and the events after it are what a fresh snapshot is, for every kind of event.

Two chat processes change messages of a room at the same time, at random.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from opsroom_contracts.chat.events import (
    CHAT_EVENT,
    ChatEvent,
    MessageEdited,
    MessageEvent,
    MessageRemoved,
    MessageState,
    frame_of,
)
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.subjects import CHAT_EVENTS
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from services.chat.tests.changes import Author, Reader, in_order
from services.chat.tests.harness import Chat, another
from services.chat.tests.moderation import Moderator

Sent = MessageEvent | MessageEdited
ROUNDS = 25
AT_ONCE = 6
EMOJI = ("👍", "🎉", "❤️", "❤")
"""The last two are the same, typed in two ways."""


@dataclass
class People:
    """People who do something at random."""

    authors: list[Author]
    moderator: Moderator
    random: random.Random
    sent: list[str] = field(default_factory=list)

    async def act(self) -> None:
        author = self.random.choice(self.authors)
        if not self.sent or self.random.random() < 0.25:
            text = f"{self.random.random()}"
            self.sent.append((await author.chat.send(author.user_id, text)).id)
            return
        target = self.random.choice(self.sent[-8:])
        if self.random.random() < 0.2:
            await self.reply(author, target)
            return
        emoji, on = self.random.choice(EMOJI), self.random.random() < 0.6
        draw = self.random.random()
        try:
            if draw < 0.3:
                await author.edit(target, f"{self.random.random()}")
            elif draw < 0.36:
                await author.delete(target)
            elif draw < 0.4:
                await self.moderator.remove(target)
            elif draw < 0.85:
                await author.react(target, emoji, on=on)
            else:
                await author.pin(target, on=on)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise

    async def reply(self, author: Author, target: str) -> None:
        """Reply to a message, if it is the first of a thread, and not removed."""
        try:
            sent = await author.reply(target, f"{self.random.random()}", broadcast=self.random.random() < 0.5)
        except FaultError as error:
            if error.fault.code in RETRYABLE:
                raise
        else:
            self.sent.append(sent.id)


def last_states(stored: list[tuple[int, ChatEvent]]) -> dict[str, MessageState]:
    """Return the last event of each message."""
    return {event.id: event for _, event in stored if isinstance(event, Sent | MessageRemoved)}


async def events(chat: Chat) -> list[tuple[int, ChatEvent]]:
    """Return all events that the stream has."""
    found: list[tuple[int, ChatEvent]] = []
    while page := await chat.messages.page(CHAT_EVENTS, start=found[-1][0] + 1 if found else 1, count=500):
        found += [(stored.seq, CHAT_EVENT.read(stored.data)) for stored in page]
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_snapshot_and_the_events_after_it_are_a_fresh_snapshot(
    chat: Chat, broker: NatsConnection, broker_process: BrokerProcess, moderator: Moderator, seed: int
) -> None:
    users = [(await chat.present(name, name)).user.id for name in ("Ann", "Bob", "Eve")]
    async with another(broker_process.url) as other:
        authors = [Author(one, user) for user in users for one in (chat, Chat(other))]
        people = People(authors, moderator, random.Random(seed))
        snapshots: list[tuple[int, Reader]] = []

        async def look() -> None:
            with suppress(FaultError):  # behind the other process, which is fine
                author = people.random.choice(authors)
                page = await author.page(limit=200)
                assert page.as_of is not None
                reader = Reader(author.user_id)
                reader.load(page)
                snapshots.append((page.as_of, reader))

        for _ in range(ROUNDS):
            await asyncio.gather(look(), *(people.act() for _ in range(AT_ONCE)))
        stored = await events(chat)
        assert {event.type for _, event in stored} == {"message", "edited", "removed", "reaction", "pinned"}
        assert len(snapshots) > ROUNDS // 2
        for as_of, reader in snapshots:
            for seq, event in stored:
                if seq > as_of:
                    reader.apply(frame_of(event, seq))
            author = next(one for one in authors if one.user_id == reader.user_id)
            fresh = (await author.page(limit=200)).messages
            assert reader.messages() == [in_order(one) for one in fresh]
        replies = Counter(one.thread for one in last_states(stored).values() if isinstance(one, Sent))
        for message in fresh:
            shown = 0 if message.replies is None else message.replies.replies
            assert shown == replies[message.id], "a thread is summarized wrong"
            if shown:
                thread = await authors[0].thread(message.id)
                assert len(thread.replies) == shown
                assert thread.root == (await authors[1].thread(message.id)).root
        pages = {one.user_id: (await one.page(limit=200)).messages for one in authors[::2]}
        assert pages == {one.user_id: (await one.page(limit=200)).messages for one in authors[1::2]}
