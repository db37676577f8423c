"""Cloud: commands with keys, and changes through disconnects."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_client import EventFilter, Opsroom, RequestRejectedError
from opsroom_contracts.cloud.commands import COMMANDS, Command, EventType, InstanceState
from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.http import CloudEvent, ResetEvent
from packages.client.tests.tcp_proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def opsroom(proxy: Proxy) -> AsyncIterator[Opsroom]:
    async with Opsroom(proxy.url, timeout=10) as client:
        yield client


async def test_the_lifecycle_of_a_server(opsroom: Opsroom) -> None:
    cloud = opsroom.cloud
    seq = (await cloud.instances()).seq
    key = uuid4().hex
    created = await cloud.create(key=key)
    assert (await cloud.create(key=key)).id == created.id
    assert (await cloud.finished(created, seq)).status is OperationStatus.DONE
    for command in COMMANDS:
        if command not in {Command.CREATE, Command.REMOVE}:
            operation = await getattr(cloud, command.value)(created.instance_id)
            assert operation.command is command
            assert (await cloud.finished(operation, seq)).status is OperationStatus.DONE
    past = await cloud.history_page(EventFilter(created.instance_id), limit=2)
    assert [(one.instance_id, one.type) for one in past.events] == [
        (created.instance_id, EventType.RECEIVED),
        (created.instance_id, EventType.STOPPED),
    ]
    assert past.next is not None
    wanted = EventFilter(
        created.instance_id,
        created.actor,
        EventType.CREATED,
        created.accepted_at,
        past.events[0].timestamp,
    )
    earlier = await cloud.history_page(wanted, before=past.next)
    assert [one.operation_id for one in earlier.events] == [created.id]
    removal = await cloud.remove(created.instance_id)
    assert (await cloud.cancel(removal.id)).status is OperationStatus.CANCELLED
    (left,) = [one for one in (await cloud.instances()).instances if one.id == created.instance_id]
    assert left.state is InstanceState.STOPPED
    with pytest.raises(RequestRejectedError) as unknown:
        await cloud.start("nothing")
    assert unknown.value.code is ErrorCode.INSTANCE_NOT_FOUND


async def test_changes_arrive_once_and_in_order_through_disconnects(opsroom: Opsroom, proxy: Proxy) -> None:
    cloud = opsroom.cloud
    seen: list[CloudEvent] = []
    async with cloud.follow() as changes:
        wanted = {(await cloud.create()).id for _ in range(5)}
        cuts = iter([2, 4, 7])
        next_cut = next(cuts)
        async with asyncio.timeout(20):
            async for change in changes:
                assert isinstance(change, CloudEvent)
                if change.operation_id in wanted:
                    seen.append(change)
                if len(seen) == next_cut:
                    proxy.cut()
                    next_cut = next(cuts, 0)
                if len(seen) == 2 * len(wanted):
                    break
    kinds = [change.type for change in seen]
    assert kinds.count(EventType.RECEIVED) == kinds.count(EventType.CREATED) == len(wanted)
    assert [change.seq for change in seen] == sorted({change.seq for change in seen})


async def test_a_sequence_that_is_not_available_gives_a_reset(opsroom: Opsroom) -> None:
    async with opsroom.cloud.follow(since=10**12) as changes:
        async with asyncio.timeout(10):
            assert isinstance(await anext(changes), ResetEvent)
