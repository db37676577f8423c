"""Two processes of which neither has heard what the other stored: as in the moment after each write."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from opsroom_chat.member_repository import MemberProjection, MemberRepository
from opsroom_chat.presence_handlers import PresenceHandlers
from opsroom_contracts.chat import (
    JoinReply,
    JoinRequest,
    LeaveReason,
    LeaveRequest,
    MemberStatus,
    RegisterReply,
    RegisterRequest,
    WhoamiRequest,
)
from opsroom_contracts.subjects import MEMBERS_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.batch_writer import BatchWriter
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.streams import ensure_stream, members_stream
from opsroom_runtime.process import run_tasks
from services.chat.tests.harness import connection, refusal, settings


class Deaf:
    """The people of one process whose follower has not delivered anything yet."""

    def __init__(self, broker: NatsConnection, writer: BatchWriter) -> None:
        reader = StreamReader(broker, MEMBERS_STREAM)
        self.members = MemberRepository(MemberProjection(), reader, writer, token_life=timedelta(days=1))
        self.people = PresenceHandlers(self.members, settings().graces(), BrokerClock())

    async def register(self, name: str, client_id: str) -> RegisterReply:
        return await self.people.register(RegisterRequest(name=name, client_id=client_id))

    async def join(self, token: str | None, socket: str) -> JoinReply:
        return await self.people.join(JoinRequest(connection=connection(socket), token=token))

    async def leave(self, user_id: str, *sockets: str, manner: LeaveReason = LeaveReason.CLOSED) -> int:
        request = LeaveRequest(user_id=user_id, connections=sockets, manner=manner)
        return (await self.people.leave(request)).seq


@pytest.fixture
async def both(broker: NatsConnection) -> AsyncIterator[tuple[Deaf, Deaf]]:
    await ensure_stream(broker, members_stream(replicas=1))
    one, other = BatchWriter(broker), BatchWriter(broker)
    async with run_tasks(one=one.run(), other=other.run()):
        yield Deaf(broker, one), Deaf(broker, other)


async def test_the_newest_token_opens_wherever_it_is_shown(both: tuple[Deaf, Deaf]) -> None:
    one, other = both
    await one.register("Ann", "r")
    ann = await other.register("Ann", "r")
    assert ann.token is not None
    assert (await one.people.whoami(WhoamiRequest(token=ann.token))).user == ann.user
    await one.register("Bob", "b")
    bob = await other.register("Bob", "b")
    assert (await one.join(bob.token, "c1")).user == bob.user


async def test_a_connection_is_taken_away_by_whoever_is_told(both: tuple[Deaf, Deaf]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    await one.join(ann.token, "c1")
    await other.join(ann.token, "c2")
    await one.leave(ann.user.id, "c2")
    await other.leave(ann.user.id, "c1")
    record = await other.members.find(ann.user.id, lambda member: not member.connections)
    assert record is not None
    assert record.status is MemberStatus.LINGERING


async def test_a_name_is_free_wherever_it_is_asked_for_once_its_holder_left(both: tuple[Deaf, Deaf]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    assert (await refusal(other.register("ann", "r2"))).code == "name_taken"
    await one.leave(ann.user.id, manner=LeaveReason.EXIT)
    again = await other.register("ann", "r2")
    await other.leave(again.user.id, manner=LeaveReason.EXIT)
    assert (await one.join(ann.token, "c1")).user == ann.user
    assert (await refusal(other.join(again.token, "c2"))).code == "name_taken"


async def test_nothing_changes_for_who_comes_or_goes_twice(both: tuple[Deaf, Deaf]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    joined = [(await deaf.join(ann.token, "c1")).seq for deaf in (one, other, one)]
    assert len(set(joined)) == 1
    left = [await deaf.leave(ann.user.id, "c1") for deaf in (one, other, one)]
    assert len(set(left)) == 1
    assert left[0] > joined[0]
    assert await one.leave("nobody", "c1") == 0
