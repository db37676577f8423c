"""The user list over NATS, when it is longer than what the broker accepts in one message."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_contracts.chat.models import (
    USERS_MAX,
    Member,
    MemberStatus,
    ProtocolVersion,
    User,
    UserPage,
)
from opsroom_contracts.endpoints import USERS
from opsroom_contracts.serialization.codec import contract_of, decode, encode
from opsroom_contracts.subjects import member_subject
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.writes import Write
from opsroom_runtime.process import run_tasks
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat

PEOPLE = 5_400
"""With the longest names and ids they take more than a megabyte."""
LETTERS = "𐐨" * 27
START = datetime(2026, 1, 1, tzinfo=UTC)


def user_id(number: int) -> str:
    return f"{'u' * 59}{number:05}"


def member(number: int, joined_at: datetime) -> Member:
    """A listed member with the longest name and id."""
    return Member(
        user=User(id=user_id(number), name=f"{LETTERS}{number:05}"),
        dialect=ProtocolVersion.V1,
        status=MemberStatus.LINGERING,
        joined_at=joined_at,
        deadline=joined_at + timedelta(days=36_500),
    )


def page_of(data: bytes) -> UserPage:
    return decode(contract_of(UserPage), data, 1 << 20)


async def test_a_list_larger_than_a_message_is_read_in_pages_also_by_a_request_without_a_limit(
    chat: Chat, broker: NatsConnection
) -> None:
    members = [member(number, START + timedelta(milliseconds=number // 3)) for number in range(PEOPLE)]
    writer = BatchWriter(broker)
    async with run_tasks(writer=writer.run()):
        await asyncio.gather(
            *(writer.write(Write(member_subject(one.user.id), encode(one))) for one in members)
        )
    last = [f"{LETTERS}{PEOPLE - 1:05}"]

    async def newest() -> list[str]:
        reply = await chat.users(after=f"{int(START.timestamp() * 1000) + (PEOPLE - 1) // 3 - 1}.z")
        return [user.name for user in reply.users]

    await until_answer(newest, lambda names: names[-1:] == last)
    reply = await broker.client.request(USERS.subject, b"", timeout=20)
    assert not reply.headers
    assert PEOPLE * len(encode(member(0, START).user)) > broker.client.max_payload
    page = page_of(reply.data)
    listed = list(page.users)
    assert len(listed) == USERS_MAX
    while page.next is not None:
        page = await chat.users(after=page.next)
        listed += page.users
    assert [user.id for user in listed] == [user_id(number) for number in range(PEOPLE)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_contain_each_user_once(limit: int) -> None:
    index = MemberIndex()
    for number in (5, 3, 0, 6, 1, 4, 2):
        index.put_member(member(number, START + timedelta(microseconds=700 * number)), number + 1)
    users, following = index.user_page(None, limit)
    while following is not None:
        more, following = index.user_page(following, limit)
        users += more
    assert sorted(user.id for user in users) == [user_id(number) for number in range(7)]
    assert len({user.id for user in users}) == 7


async def test_a_cursor_that_is_none_is_rejected(chat: Chat, broker: NatsConnection) -> None:
    for cursor in (b'"x"', b'"1."', b"1", b'"-1.a"', b'"1.a b"'):
        reply = await broker.client.request(USERS.subject, b'{"after":%s}' % cursor, timeout=5)
        assert (reply.headers or {})["Nats-Service-Error"] == "invalid_request"
