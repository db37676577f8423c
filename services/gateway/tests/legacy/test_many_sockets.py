"""Many sockets of one course user: what they cost is counted, not timed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from opsroom_chat.service import chat_service
from opsroom_cloud.providers.provider import SimulatedProvider
from opsroom_cloud.service import cloud_service
from opsroom_cloud.settings import CloudSettings
from opsroom_contracts.chat.models import MEMBER
from opsroom_contracts.subjects import MEMBERS_STREAM, member_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.course_clients import CourseClient, as_list, course_client, register
from services.gateway.tests.kit.portal import Address, chat_settings, serving

SOCKETS = 256


class World:
    """A gateway next to a chat service whose metrics and records a test may read."""

    def __init__(self, address: Address, broker: NatsConnection) -> None:
        self.address = address
        self._broker = broker
        self._members = StreamReader(broker, MEMBERS_STREAM)

    def conflicts(self) -> float:
        text = self._broker.metrics.render("")[0].decode()
        (line,) = [line for line in text.splitlines() if line.startswith("opsroom_store_conflicts_total")]
        return float(line.split()[-1])

    async def sequence(self) -> int:
        """Return the last sequence of the members: how many records were written."""
        return (await self._members.bounds()).last

    async def connections(self, user_id: str) -> list[str]:
        stored = await self._members.last(member_subject(user_id))
        return [] if stored is None else [one.id for one in MEMBER.read(stored.data).connections]

    async def until_joined(self, user_id: str) -> None:
        """Wait until a socket has taken the place of the registration."""

        async def ask() -> bool:
            return any(not name.startswith("reg-") for name in await self.connections(user_id))

        await until_answer(ask, bool, timeout=30)


@pytest.fixture
async def world(broker_process: BrokerProcess, tmp_path: Path) -> AsyncIterator[World]:
    url = broker_process.url
    async with AsyncExitStack() as stack:
        chat, cloud = await connect(url, name="chat"), await connect(url, name="cloud")
        stack.push_async_callback(chat.close)
        stack.push_async_callback(cloud.close)
        settings = chat_settings().model_copy(update={"index_dir": tmp_path / "index"})
        await stack.enter_async_context(chat_service(chat, settings))
        await stack.enter_async_context(cloud_service(cloud, CloudSettings(), SimulatedProvider(0.0)))
        yield World(await stack.enter_async_context(serving(url)), chat)


async def test_all_sockets_of_a_user_join_with_a_few_writes(world: World) -> None:
    agent = f"browser-{uuid4().hex}"
    user = await register(world.address, agent, "ann")
    before, conflicts = await world.sequence(), world.conflicts()
    hello = json.dumps({"type": "connect", "user": user})
    async with AsyncExitStack() as stack:
        sockets = await asyncio.gather(
            *(stack.enter_async_context(course_client(world.address, agent)) for _ in range(SOCKETS))
        )

        async def use(socket: CourseClient, number: int) -> None:
            await socket.send(hello)
            message = json.dumps({"type": "send", "message": f"{number}", "user": user})
            await socket.send(message)
            while await socket.message() != message:
                pass

        await asyncio.gather(*(use(socket, number) for number, socket in enumerate(sockets)))
        await world.until_joined(user["id"])
        assert world.conflicts() == conflicts
        assert await world.sequence() - before <= 4
        assert len(await world.connections(user["id"])) <= 2
        assert any(user in (as_list(frame) or ()) for frame in sockets[0].seen)

        for socket in sockets[1:]:
            await socket.socket.close()
        assert len(await world.connections(user["id"])) >= 1
        await sockets[0].until_own_message()

    async def gone() -> bool:
        return not await world.connections(user["id"])

    await until_answer(gone, bool, timeout=30)


async def test_the_exit_of_a_user_with_many_sockets_is_one_leave(world: World) -> None:
    agent = f"browser-{uuid4().hex}"
    user = await register(world.address, agent, "bob")
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(course_client(world.address, agent)) for _ in range(20)]
        for socket in sockets:
            await socket.send({"type": "connect", "user": user})
            await socket.until_own_message()
        await world.until_joined(user["id"])
        before = await world.sequence()
        await sockets[3].send({"type": "exit", "user": user})
        await sockets[0].misses(user)
        assert await world.connections(user["id"]) == []
        assert await world.sequence() - before <= 4
