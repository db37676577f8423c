"""Joins of one request: each has its own outcome, and a retry adds nothing."""

import asyncio
from collections.abc import Iterable

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import MEMBER, JoinBatchRequest, JoinRequest, JoinResult, RegisterReply
from opsroom_contracts.subjects import member_subject
from services.chat.tests.harness import Chat, connection

PEOPLE = 20


def a_join(person: RegisterReply, socket: str) -> JoinRequest:
    return JoinRequest(connection=connection(socket), token=person.token)


async def join(chat: Chat, joins: Iterable[JoinRequest]) -> tuple[JoinResult, ...]:
    return (await chat.requester.request(endpoints.JOIN_BATCH, JoinBatchRequest(joins=tuple(joins)))).results


async def connections(chat: Chat, person: RegisterReply) -> list[str]:
    stored = await chat.members.last(member_subject(person.user.id))
    assert stored is not None
    return [one.id for one in MEMBER.read(stored.data).connections]


async def test_each_member_gets_one_record_and_a_retry_none(chat: Chat) -> None:
    people = await asyncio.gather(*(chat.register(f"person {n}") for n in range(PEOPLE)))
    before = (await chat.members.bounds()).last
    joins = [a_join(one, f"of-{n}") for n, one in enumerate(people)]
    results = await join(chat, joins)
    assert [result.reply.user for result in results if result.reply is not None] == [
        one.user for one in people
    ]
    after = (await chat.members.bounds()).last
    assert after - before == PEOPLE
    for number, one in enumerate(people):
        assert await connections(chat, one) == [f"of-{number}"]
    assert await join(chat, joins) == results, "the reply was lost"
    assert (await chat.members.bounds()).last == after


async def test_one_that_is_refused_does_not_refuse_the_others(chat: Chat) -> None:
    ann, bob = await chat.register("Ann"), await chat.register("Bob")
    wrong = JoinRequest(connection=connection("c"), token=f"{ann.user.id}.wrong")
    without = JoinRequest(connection=connection("d"))
    results = await join(chat, [a_join(ann, "a"), wrong, without, a_join(bob, "b")])
    codes = [None if result.fault is None else result.fault.code for result in results]
    assert codes == [None, "token_invalid", "invalid_request", None]
    assert await connections(chat, ann) == ["a"]
    assert await connections(chat, bob) == ["b"]
