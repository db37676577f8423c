"""What a process remembers of people and names, and what it may forget."""

import asyncio
from datetime import UTC, datetime

import pytest

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_contracts.chat import LeaveReason, Member, MemberStatus, ProtocolVersion, User
from opsroom_messaging.client.connection import NatsConnection
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat
from services.chat.tests.statistics import gauge

ANN = User(id="u1", name="Ann")


def ann(status: MemberStatus) -> Member:
    return Member(
        user=ANN,
        dialect=ProtocolVersion.V1,
        status=status,
        connections=(),
        joined_at=datetime(2026, 11, 23, tzinfo=UTC),
        deadline=None,
    )


async def test_nothing_is_remembered_of_those_who_left_and_the_stream_still_knows_them(
    chat: Chat, broker: NatsConnection
) -> None:
    people = await asyncio.gather(*(chat.register(f"p{n}") for n in range(20)))
    await asyncio.gather(*(chat.join(one.token, f"c{n}") for n, one in enumerate(people)))
    await asyncio.gather(*(chat.leave(one.user.id, manner=LeaveReason.EXIT) for one in people))
    for size in ("members", "names"):
        await until_answer(lambda size=size: gauge(broker, "chat", size), lambda count: count == 0)  # type: ignore[misc]
    token = people[0].token
    assert token is not None
    assert (await chat.whoami(token)).user == people[0].user
    assert (await chat.join(token, "again")).user == people[0].user
    await chat.lists("p0")
    assert await gauge(broker, "chat", "members") == 1
    # Asking for those who are away, and leaving once more, must not bring them back to memory either.
    assert people[1].token is not None
    assert (await chat.whoami(people[1].token)).user == people[1].user
    await chat.leave(people[1].user.id, manner=LeaveReason.EXIT)
    assert await gauge(broker, "chat", "members") == 1


def test_whoever_left_is_remembered_as_gone_until_the_stream_has_said_so() -> None:
    """A process knows its own writes before they are delivered; what is delivered meanwhile is older."""
    directory = MemberIndex()
    directory.put_member(ann(MemberStatus.AWAY), 7)
    directory.put_name("ann", None, 8)
    directory.delivered(5)
    directory.put_member(ann(MemberStatus.PRESENT), 5)
    directory.delivered(6)
    directory.put_name("ann", "u1", 6)
    assert directory.listed() == []
    name = directory.name("ann")
    assert name is not None
    assert name.user_id is None
    directory.delivered(7)
    directory.put_member(ann(MemberStatus.AWAY), 7)
    directory.delivered(8)
    directory.put_name("ann", None, 8)
    assert directory.counts() == {"members": 0, "names": 0}


@pytest.mark.parametrize("status", [MemberStatus.RESERVED, MemberStatus.PRESENT, MemberStatus.LINGERING])
def test_whoever_is_not_gone_is_remembered(status: MemberStatus) -> None:
    directory = MemberIndex()
    directory.delivered(8)
    directory.put_member(ann(status), 7)
    directory.put_name("ann", "u1", 8)
    assert directory.counts() == {"members": 1, "names": 1}
