"""The quota of pending operations per identity."""

import asyncio
import json
from collections.abc import Iterable
from uuid import uuid4

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.requests import CreateRequest, InstanceRequest, OperationReply
from opsroom_contracts.errors import ErrorCode, Fault, FaultError
from opsroom_contracts.subjects import AUDIT_STREAM, audit_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, Kept, refusal, service

QUOTA = 5
SLOW_SECONDS = 60.0
"""Longer than a test takes, so that accepted operations stay pending."""


class QuotaClient:
    """Sends commands with a quota, as gateways do."""

    def __init__(self, broker: NatsConnection) -> None:
        self._requester = RequestClient(broker, timeout=30, first_timeout=15.0)

    async def create(
        self, actor: str = "ann", key: str | None = None, quota: int = QUOTA, identity: str | None = None
    ) -> OperationReply:
        request = CreateRequest(
            client_id=key or uuid4().hex, actor=actor, identity=identity, pending_max=quota
        )
        return await self._requester.request(endpoints.CREATE_INSTANCE, request)

    async def start(self, instance_id: str, key: str) -> OperationReply:
        request = InstanceRequest(instance_id=instance_id, client_id=key, actor="ann", pending_max=QUOTA)
        return await self._requester.request(endpoints.CHANGE_INSTANCE[Command.START], request)


def split_replies(
    replies: Iterable[OperationReply | BaseException],
) -> tuple[list[OperationReply], list[Fault]]:
    """Split replies into accepted operations and the faults of refused ones."""
    accepted: list[OperationReply] = []
    faults: list[Fault] = []
    for reply in replies:
        if isinstance(reply, OperationReply):
            accepted.append(reply)
        else:
            assert isinstance(reply, FaultError), reply
            faults.append(reply.fault)
    return accepted, faults


def max_pending(kept: list[Kept]) -> int:
    """Return the maximum number of operations of one actor that were pending at the same time."""
    pending: dict[str, set[str]] = {}
    maximum = 0
    for one in kept:
        mine = pending.setdefault(one.event.actor, set())
        if one.event.type is EventType.RECEIVED:
            mine.add(one.event.operation_id or "")
            maximum = max(maximum, len(mine))
        else:
            mine.discard(one.event.operation_id or "")
    return maximum


async def test_concurrent_commands_do_not_exceed_the_quota(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        client, cloud = QuotaClient(broker), Cloud(broker)
        replies = await asyncio.gather(
            *(client.create(actor) for actor in ("ann", "bob") for _ in range(40)), return_exceptions=True
        )
        accepted, faults = split_replies(replies)
        assert len(accepted) == 2 * QUOTA
        assert {fault.code for fault in faults} == {ErrorCode.RATE_LIMITED}
        assert "5 pending operations, and the limit is 5" in faults[-1].message
        assert 0 < (faults[-1].retry_after or 0) <= SLOW_SECONDS
        assert max_pending(await cloud.kept()) == QUOTA
        await cloud.create(actor="ann")  # a request without a quota
        assert (await refusal(client.create())).code is ErrorCode.RATE_LIMITED


async def test_completed_operations_free_the_quota(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=0.1):
        client, cloud = QuotaClient(broker), Cloud(broker)

        async def until_accepted(quota: int = QUOTA) -> None:
            while True:
                replies = await asyncio.gather(client.create(quota=quota), return_exceptions=True)
                _, faults = split_replies(replies)
                if not faults:
                    return
                assert faults[0].code is ErrorCode.RATE_LIMITED
                await asyncio.sleep(faults[0].retry_after or 0)

        await asyncio.gather(*(until_accepted() for _ in range(4 * QUOTA)))
        for _ in range(2):
            await until_accepted(quota=1)
        kept = await cloud.all_finished(4 * QUOTA + 2)
        assert max_pending(kept) <= QUOTA


async def test_a_retry_of_an_accepted_command_is_not_limited(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        client, cloud = QuotaClient(broker), Cloud(broker)
        first = await client.create(key="first")
        await cloud.cancel(first.operation.id)
        for _ in range(QUOTA):
            await client.create()
        again = await client.create(key="first")
        assert again.operation.id == first.operation.id
        assert (await refusal(client.create(key="another"))).code is ErrorCode.RATE_LIMITED


async def test_rejected_commands_free_the_quota(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        client, cloud = QuotaClient(broker), Cloud(broker)
        for _ in range(QUOTA + 1):
            fault = await refusal(client.start("nothing", uuid4().hex))
            assert fault.code is ErrorCode.INSTANCE_NOT_FOUND
        # The id is used: the write conflicts, and the reservation must be released.
        used = (await cloud.create("used")).operation
        await cloud.cancel(used.id)
        for _ in range(QUOTA + 1):
            assert (await client.create(key="used")).operation.id == used.id
        accepted, _ = split_replies(
            await asyncio.gather(*(client.create() for _ in range(2 * QUOTA)), return_exceptions=True)
        )
        assert len(accepted) == QUOTA


async def test_a_process_counts_the_operations_of_other_processes(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    other = await connect(broker_process.url, name="other")
    async with service(broker, delay_seconds=SLOW_SECONDS), service(other, delay_seconds=SLOW_SECONDS):
        client = QuotaClient(broker)
        replies = await asyncio.gather(*(client.create() for _ in range(60)), return_exceptions=True)
        accepted, _ = split_replies(replies)
        assert QUOTA <= len(accepted) <= 2 * QUOTA
        # By now both processes have received all events.
        faults = [await refusal(client.create()) for _ in range(10)]
        assert {fault.code for fault in faults} == {ErrorCode.RATE_LIMITED}
    await other.close()


async def test_an_exceeded_quota_is_audited(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        client, reader = QuotaClient(broker), StreamReader(broker, AUDIT_STREAM)
        await client.create(quota=1)
        await refusal(client.create(quota=1))
        (kept,) = await until_answer(
            lambda: reader.page(audit_subject("refused", "*"), start=1, count=10), lambda page: page
        )
        entry = AUDIT_ENTRY.read(kept.data)
        assert (entry.actor, entry.code) == ("ann", ErrorCode.RATE_LIMITED)


async def test_the_quota_is_that_of_the_identity_under_all_its_names(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        client = QuotaClient(broker)
        for n in range(QUOTA):
            await client.create(f"alias {n}", identity="token:a")
        assert (await refusal(client.create("one more", identity="token:a"))).code is ErrorCode.RATE_LIMITED
        await client.create("alias 0", identity="token:b")
        await client.create("alias 0")  # of a gateway of an older release


@pytest.mark.parametrize(("identity", "version"), [("token:a", 2), (None, 1)])
async def test_all_events_of_an_operation_have_its_identity(
    broker: NatsConnection, identity: str | None, version: int
) -> None:
    """Those without one are stored as older releases read them."""
    async with service(broker, delay_seconds=0.1):
        client, cloud = QuotaClient(broker), Cloud(broker)
        operation = (await client.create(identity=identity)).operation
        await cloud.finished(operation)
        kept = await cloud.kept()
        assert [(one.event.type, one.event.identity) for one in kept] == [
            (EventType.RECEIVED, identity),
            (EventType.CREATED, identity),
        ]
        assert {json.loads(one.message.data)["version"] for one in kept} == {version}
