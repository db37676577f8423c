"""Which members and names a process keeps in memory, and when it drops them."""

import asyncio
from datetime import UTC, datetime

import pytest

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_contracts.chat.models import LeaveReason, Member, MemberStatus, ProtocolVersion, User
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


async def test_members_who_left_are_dropped_from_memory_but_stay_in_the_stream(
    chat: Chat, broker: NatsConnection
) -> None:
    users = await asyncio.gather(*(chat.register(f"p{n}") for n in range(20)))
    await asyncio.gather(*(chat.join(one.token, f"c{n}") for n, one in enumerate(users)))
    await asyncio.gather(*(chat.leave(one.user.id, manner=LeaveReason.EXIT) for one in users))
    for size in ("members", "names"):
        await until_answer(lambda size=size: gauge(broker, "chat", size), lambda count: count == 0)  # type: ignore[misc]
    token = users[0].token
    assert token is not None
    assert (await chat.whoami(token)).user == users[0].user
    assert (await chat.join(token, "again")).user == users[0].user
    await chat.lists("p0")
    assert await gauge(broker, "chat", "members") == 1
    # Reading away members, or a repeated leave, must not add them to memory again.
    assert users[1].token is not None
    assert (await chat.whoami(users[1].token)).user == users[1].user
    await chat.leave(users[1].user.id, manner=LeaveReason.EXIT)
    assert await gauge(broker, "chat", "members") == 1


def test_away_members_are_tombstones_until_the_stream_delivers_the_record() -> None:
    """A process applies its own writes before they are delivered; records delivered meanwhile are older."""
    index = MemberIndex()
    index.put_member(ann(MemberStatus.AWAY), 7)
    index.put_name("ann", None, 8)
    index.delivered(5)
    index.put_member(ann(MemberStatus.PRESENT), 5)
    index.delivered(6)
    index.put_name("ann", "u1", 6)
    assert index.user_page(None, 9)[0] == ()
    name = index.name("ann")
    assert name is not None
    assert name.user_id is None
    index.delivered(7)
    index.put_member(ann(MemberStatus.AWAY), 7)
    index.delivered(8)
    index.put_name("ann", None, 8)
    assert index.counts() == {"members": 0, "names": 0, "push_devices": 0}


@pytest.mark.parametrize("status", [MemberStatus.RESERVED, MemberStatus.PRESENT, MemberStatus.LINGERING])
def test_members_who_are_not_away_stay_in_memory(status: MemberStatus) -> None:
    index = MemberIndex()
    index.delivered(8)
    index.put_member(ann(status), 7)
    index.put_name("ann", "u1", 8)
    assert index.counts() == {"members": 1, "names": 1, "push_devices": 0}
