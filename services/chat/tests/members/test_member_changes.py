"""Changes of one member that arrive together are one write, with an outcome for each."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from opsroom_contracts.chat.models import MAX_CONNECTIONS, LeaveReason
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import MEMBERS_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_runtime.process import run_tasks
from services.chat.tests.members.test_member_repository import Lagging


@pytest.fixture
async def members(broker: NatsConnection) -> AsyncIterator[Lagging]:
    await ensure_stream(broker, members_stream(replicas=1))
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        yield Lagging(broker, writer)


async def last_sequence(broker: NatsConnection) -> int:
    return (await StreamReader(broker, MEMBERS_STREAM).bounds()).last


async def test_joins_at_once_are_a_few_writes_without_conflicts(
    members: Lagging, broker: NatsConnection
) -> None:
    token = (await members.register("Ann", "r")).token
    before = await last_sequence(broker)
    replies = await asyncio.gather(*(members.join(token, f"c{n}") for n in range(MAX_CONNECTIONS)))
    member = members.members.index.member(replies[0].user.id)
    assert member is not None
    assert [one.id for one in member.member.connections] == [f"c{n}" for n in range(MAX_CONNECTIONS)]
    assert await last_sequence(broker) - before <= 3
    assert members.conflicts.values[()] == 0


async def test_each_gets_its_own_outcome(members: Lagging) -> None:
    ann = await members.register("Ann", "r")
    await members.join(ann.token, "first")
    outcomes = await asyncio.gather(
        *(members.join(ann.token, f"c{n}") for n in range(MAX_CONNECTIONS)),
        members.join("nobody.secret", "c"),
        members.join(f"{ann.user.id}.wrong", "c"),
        members.leave(ann.user.id, "first"),
        members.join(ann.token, "last"),
        return_exceptions=True,
    )
    codes = [one.fault.code if isinstance(one, FaultError) else None for one in outcomes]
    full = MAX_CONNECTIONS - 1
    assert codes == [*[None] * full, "overloaded", "token_invalid", "token_invalid", None, None]


async def test_leaves_and_returns_at_once_follow_one_another(members: Lagging) -> None:
    ann = await members.register("Ann", "r")
    await members.join(ann.token, "c0")
    await asyncio.gather(
        members.leave(ann.user.id, manner=LeaveReason.EXIT),
        members.join(ann.token, "c1"),
        members.leave(ann.user.id, manner=LeaveReason.EXIT),
        members.join(ann.token, "c2"),
    )
    found = members.members.index.member(ann.user.id)
    assert found is not None
    assert [one.id for one in found.member.connections] == ["c2"]
    with pytest.raises(FaultError, match="already taken"):
        await members.register("ann", "other")
