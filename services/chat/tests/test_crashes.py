"""Chat processes and the broker are killed (SIGKILL) while clients register, send, and retry."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from opsroom_chat.domain.names import name_keys
from opsroom_contracts.chat.models import NAME_CLAIM, LeaveReason, NameClaim, RegisterReply, SendReply
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import name_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until, until_answer
from services.chat.tests.harness import Chat, ChatProcess, process, refusal

USERS = 36
LANES = 9
"""Concurrent clients. Each one registers several users in turn, so that registrations never stop."""
MESSAGES = 8
"""Messages per user."""


class Workload:
    """A workload: users register, join and send concurrently; every request is retried until it succeeds."""

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
        for n in range(lane, USERS, LANES):
            await self._one(f"Person {n}")

    async def _one(self, name: str) -> None:
        user = await self._chat.register(
            name, client_id=f"a registration of {name} by one who alone knows this"
        )
        self.registered[name] = user
        await self._chat.join(user.token, f"c-{user.user.id}")
        for n in range(MESSAGES):
            text = f"{name} says {n}"
            self.acknowledged[text] = await self._chat.send(user.user.id, text)

    async def check(self) -> None:
        """Check that everything acknowledged is stored once as replied, and every name has one holder."""
        messages = await self._chat.everything()
        assert {m.text: (m.seq, m.id, m.timestamp) for m in messages} == {
            text: (reply.seq, reply.id, reply.timestamp) for text, reply in self.acknowledged.items()
        }
        assert len(messages) == USERS * MESSAGES
        for user in self.registered.values():
            assert user.token is not None
            assert (await self._chat.whoami(user.token)).user == user.user
        names = list(self.registered)
        await self._chat.lists(names[-1])
        assert sorted(await self._chat.names()) == sorted(names)
        assert (await refusal(self._chat.register(names[0].upper()))).code == "name_taken"
        await self._no_name_is_stuck()

    async def _no_name_is_stuck(self) -> None:
        for name, user in self.registered.items():
            await self._chat.leave(user.user.id, manner=LeaveReason.EXIT)
            assert (await self._chat.register(name.upper())).user.id != user.user.id


Crash = Callable[[], Awaitable[None]]


async def run_with_crashes(chat: Chat, crash: Crash, times: int) -> None:
    """Run the workload and call ``crash`` ``times`` times, evenly spread over its progress."""
    workload = Workload(chat)
    whole = USERS * (MESSAGES + 1)

    async def crash_at(progress: int) -> None:
        await until(lambda: workload.progress > progress, 40)
        await crash()

    async with asyncio.TaskGroup() as group:
        group.create_task(workload.run())
        for n in range(times):
            await crash_at((2 * n + 1) * whole // (2 * times))
    await workload.check()


async def test_a_chat_process_killed_repeatedly_loses_nothing(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=40)
    index = tmp_path / "index"
    async with process(broker_process.url, chat.requester, index) as killed:
        await chat.lease("g1")

        async def crash() -> None:
            await killed.kill()
            await killed.start(chat.requester)

        await run_with_crashes(chat, crash, 2)


async def test_one_of_two_chat_processes_killed_loses_nothing(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path
) -> None:
    chat = Chat(broker, patience=40)
    index = tmp_path / "index"
    async with process(broker_process.url, chat.requester, index) as killed:
        async with process(broker_process.url, chat.requester, index):
            await chat.lease("g1")
            await run_with_crashes(chat, killed.kill, 1)


async def test_a_killed_broker_loses_nothing(broker: NatsConnection, broker_process: BrokerProcess) -> None:
    chat = Chat(broker, patience=40)

    async def crash() -> None:
        await broker_process.kill()
        await broker_process.start()
        await until(lambda: broker.connected)

    async with process(broker_process.url, chat.requester):
        await chat.lease("g1")
        await run_with_crashes(chat, crash, 1)


@pytest.mark.parametrize("everything", [False, True], ids=["service", "service and broker"])
async def test_a_retry_after_a_restart_is_deduplicated(
    broker: NatsConnection, broker_process: BrokerProcess, tmp_path: Path, everything: bool
) -> None:
    chat, index = Chat(broker), tmp_path / "index"
    async with process(broker_process.url, chat.requester, index) as restarted:
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


async def test_a_name_claim_restored_by_a_killed_broker_is_released(chat: Chat) -> None:
    """A tombstone expired, and the killed broker restored the claim. See ``MemberRepository``."""
    ann, bob = await chat.present("Ann"), await chat.present("Bob", "c2")
    await chat.leave(ann.user.id, manner=LeaveReason.EXIT)
    await chat.no_longer_lists("Ann")
    claim = encode(NameClaim(user_id=ann.user.id))
    for key in name_keys("Ann"):
        await chat.put(name_subject(key), claim)

    async def holders(name: str) -> set[str | None]:
        stored = [await chat.members.last(name_subject(key)) for key in name_keys(name)]
        return {None if one is None else NAME_CLAIM.read(one.data).user_id for one in stored}

    await until_answer(lambda: holders("Ann"), lambda found: found == {None})
    assert await holders("Bob") == {bob.user.id}


async def test_a_stopping_process_replies_to_accepted_requests(
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
