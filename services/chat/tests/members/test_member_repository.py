"""Two processes without a subscription, as in the moment after a write: neither sees the other's writes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from opsroom_chat.log.log_writer import store_conflicts
from opsroom_chat.members.presence_handlers import PresenceHandlers
from opsroom_chat.members.repository import MemberProjection, MemberRepository
from opsroom_contracts.chat.models import (
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
from opsroom_runtime.metrics import Metrics
from opsroom_runtime.process import run_tasks
from services.chat.tests.harness import connection, refusal, settings


class Lagging:
    """The members of a process whose subscription has not delivered anything yet."""

    def __init__(self, broker: NatsConnection, writer: BatchWriter) -> None:
        reader = StreamReader(broker, MEMBERS_STREAM)
        self.conflicts = store_conflicts(Metrics())
        self.members = MemberRepository(
            MemberProjection(), reader, writer, token_life=timedelta(days=1), conflicts=self.conflicts
        )
        self.presence = PresenceHandlers(self.members, settings().grace_periods(), BrokerClock())

    async def register(self, name: str, client_id: str) -> RegisterReply:
        return await self.presence.register(RegisterRequest(name=name, client_id=client_id))

    async def join(self, token: str | None, socket: str) -> JoinReply:
        return await self.presence.join(JoinRequest(connection=connection(socket), token=token))

    async def leave(self, user_id: str, *sockets: str, manner: LeaveReason = LeaveReason.CLOSED) -> int:
        request = LeaveRequest(user_id=user_id, connections=sockets, manner=manner)
        return (await self.presence.leave(request)).seq


@pytest.fixture
async def both(broker: NatsConnection) -> AsyncIterator[tuple[Lagging, Lagging]]:
    await ensure_stream(broker, members_stream(replicas=1))
    one, other = BatchWriter(broker), BatchWriter(broker)
    async with run_tasks(one=one.run(), other=other.run()):
        yield Lagging(broker, one), Lagging(broker, other)


async def test_the_newest_token_is_valid_on_every_process(both: tuple[Lagging, Lagging]) -> None:
    one, other = both
    await one.register("Ann", "r")
    ann = await other.register("Ann", "r")
    assert ann.token is not None
    assert (await one.presence.whoami(WhoamiRequest(token=ann.token))).user == ann.user
    await one.register("Bob", "b")
    bob = await other.register("Bob", "b")
    assert (await one.join(bob.token, "c1")).user == bob.user


async def test_any_process_can_remove_a_connection(both: tuple[Lagging, Lagging]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    await one.join(ann.token, "c1")
    await other.join(ann.token, "c2")
    await one.leave(ann.user.id, "c2")
    await other.leave(ann.user.id, "c1")
    record = await other.members.find(ann.user.id, lambda member: not member.connections)
    assert record is not None
    assert record.status is MemberStatus.LINGERING


async def test_a_name_is_free_on_every_process_once_its_holder_left(both: tuple[Lagging, Lagging]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    assert (await refusal(other.register("ann", "r2"))).code == "name_taken"
    await one.leave(ann.user.id, manner=LeaveReason.EXIT)
    again = await other.register("ann", "r2")
    await other.leave(again.user.id, manner=LeaveReason.EXIT)
    assert (await one.join(ann.token, "c1")).user == ann.user
    assert (await refusal(other.join(again.token, "c2"))).code == "name_taken"


async def test_repeated_joins_and_leaves_change_nothing(both: tuple[Lagging, Lagging]) -> None:
    one, other = both
    ann = await one.register("Ann", "r")
    joined = [(await process.join(ann.token, "c1")).seq for process in (one, other, one)]
    assert len(set(joined)) == 1
    left = [await process.leave(ann.user.id, "c1") for process in (one, other, one)]
    assert len(set(left)) == 1
    assert left[0] > joined[0]
    assert await one.leave("nobody", "c1") == 0
