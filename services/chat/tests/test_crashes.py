"""Chat processes and the broker killed -9 while people register and talk, with clients that try again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from opsroom_chat.domain.tokens import name_key
from opsroom_contracts.chat import NAME_CLAIM, LeaveReason, NameClaim, RegisterReply, SendReply
from opsroom_contracts.codec import encode
from opsroom_contracts.subjects import name_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import Chat, ChatProcess, process, refusal

PEOPLE = 36
LANES = 9
"""How many people come at once; the others one after another, so that registering never stops."""
MESSAGES = 8
"""Messages of each person."""


class Life:
    """People who register, join and talk at once, each request repeated until it is answered."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.registered: dict[str, RegisterReply] = {}
        self.acknowledged: dict[str, SendReply] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for lane in range(LANES):
                group.create_task(self._lane(lane))

    @property
    def progress(self) -> int:
        return len(self.registered) + len(self.acknowledged)

    async def _lane(self, lane: int) -> None:
        for n in range(lane, PEOPLE, LANES):
            await self._one(f"Person {n}")

    async def _one(self, name: str) -> None:
        person = await self._chat.register(
            name, client_id=f"a registration of {name} by one who alone knows this"
        )
        self.registered[name] = person
        await self._chat.join(person.token, f"c-{person.user.id}")
        for n in range(MESSAGES):
            text = f"{name} says {n}"
            self.acknowledged[text] = await self._chat.send(person.user.id, text)

    async def check(self) -> None:
        """Everything acknowledged is there, once, as it was answered; every name is held by one person."""
        messages = await self._chat.everything()
        assert {m.text: (m.seq, m.id, m.timestamp) for m in messages} == {
            text: (reply.seq, reply.id, reply.timestamp) for text, reply in self.acknowledged.items()
        }
        assert len(messages) == PEOPLE * MESSAGES
        for person in self.registered.values():
            assert person.token is not None
            assert (await self._chat.whoami(person.token)).user == person.user
        names = list(self.registered)
        await self._chat.lists(names[-1])
        assert sorted(await self._chat.names()) == sorted(names)
        assert (await refusal(self._chat.register(names[0].upper()))).code == "name_taken"
        await self._no_name_is_stuck()

    async def _no_name_is_stuck(self) -> None:
        for name, person in self.registered.items():
            await self._chat.leave(person.user.id, manner=LeaveReason.EXIT)
            assert (await self._chat.register(name.upper())).user.id != person.user.id


Crash = Callable[[], Awaitable[None]]


async def live_through(chat: Chat, crash: Crash, times: int) -> None:
    """Crash ``times`` while people live, evenly spread over what they do."""
    life = Life(chat)
    whole = PEOPLE * (MESSAGES + 1)

    async def crash_at(progress: int) -> None:
        await until(lambda: life.progress > progress, 40)
        await crash()

    async with asyncio.TaskGroup() as group:
        group.create_task(life.run())
        for n in range(times):
            await crash_at((2 * n + 1) * whole // (2 * times))
    await life.check()


async def test_a_chat_process_killed_again_and_again(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    chat = Chat(broker, patience=40)
    async with process(broker_process.url, chat.requester) as killed:
        await chat.lease("g1")

        async def crash() -> None:
            await killed.kill()
            await killed.start(chat.requester)

        await live_through(chat, crash, 2)


async def test_one_of_two_chat_processes_killed_loses_nothing(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    chat = Chat(broker, patience=40)
    async with process(broker_process.url, chat.requester) as killed:
        async with process(broker_process.url, chat.requester):
            await chat.lease("g1")
            await live_through(chat, killed.kill, 1)


async def test_the_broker_killed_in_the_middle(broker: NatsConnection, broker_process: BrokerProcess) -> None:
    chat = Chat(broker, patience=40)

    async def crash() -> None:
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)

    async with process(broker_process.url, chat.requester):
        await chat.lease("g1")
        await live_through(chat, crash, 1)


@pytest.mark.parametrize("everything", [False, True], ids=["service", "service and broker"])
async def test_a_send_repeated_after_a_restart_is_the_same_message(
    broker: NatsConnection, broker_process: BrokerProcess, everything: bool
) -> None:
    chat = Chat(broker)
    async with process(broker_process.url, chat.requester) as restarted:
        await chat.lease("g1")
        ann = await chat.present("Ann")
        first = await chat.send(ann.user.id, "hello", "c-1")
        await restarted.kill()
        if everything:
            await broker_process.kill()
            await broker_process.start()
            await until(lambda: broker.connected)
        await restarted.start(chat.requester)
        again = await chat.send(ann.user.id, "hello", "c-1")
        assert (again.seq, again.id, again.timestamp) == (first.seq, first.id, first.timestamp)
        assert again.duplicate
        assert len(await chat.history()) == 1


async def test_a_claim_that_a_killed_broker_brought_back_is_released(chat: Chat) -> None:
    """A tombstone expired, and the killed broker restored the claim. See ``MemberRepository``."""
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
    await chat.no_longer_lists("Ann")
    claim = encode(NameClaim(user_id=ann.user.id))
    await chat.put(name_subject(name_key("Ann")), claim)

    async def holder(name: str) -> str | None:
        stored = await chat.members.last(name_subject(name_key(name)))
        return None if stored is None else NAME_CLAIM.read(stored.data).user_id

    await until_answer(lambda: holder("Ann"), lambda found: found is None)
    assert await holder("Bob") == bob.user.id


async def test_a_process_told_to_stop_answers_what_it_took_and_exits_in_order(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    chat = Chat(broker)
    async with process(broker_process.url, chat.requester) as first:
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sends = [asyncio.create_task(chat.send(ann.user.id, f"message {n}")) for n in range(300)]
        await until(lambda: any(send.done() for send in sends))
        assert await first.stop() == 0
        second = ChatProcess(broker_process.url)
        await second.start(chat.requester)
        try:
            replies = await asyncio.gather(*sends)
            assert len(await chat.everything()) == len({reply.seq for reply in replies}) == 300
        finally:
            await second.kill()
