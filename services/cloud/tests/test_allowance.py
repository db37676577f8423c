"""How many operations one actor may have pending: no more, however they are sent."""

import asyncio
from collections.abc import Iterable
from uuid import uuid4

from opsroom_contracts import endpoints
from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.cloud import CreateRequest, InstanceRequest, OperationReply
from opsroom_contracts.commands import Command, EventType
from opsroom_contracts.errors import ErrorCode, Fault, FaultError
from opsroom_contracts.subjects import AUDIT_STREAM, audit_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, Kept, refusal, service

MOST = 5
SLOW_SECONDS = 60.0
"""Longer than a test takes: what is accepted stays pending."""


class Asked:
    """Asks for commands with a limit, as gateways do."""

    def __init__(self, broker: NatsConnection) -> None:
        self._requester = RequestClient(broker, timeout=30, first_timeout=15.0)

    async def create(self, actor: str = "ann", key: str | None = None, most: int = MOST) -> OperationReply:
        request = CreateRequest(client_id=key or uuid4().hex, actor=actor, pending_max=most)
        return await self._requester.request(endpoints.CREATE_INSTANCE, request)

    async def start(self, instance_id: str, key: str) -> OperationReply:
        request = InstanceRequest(instance_id=instance_id, client_id=key, actor="ann", pending_max=MOST)
        return await self._requester.request(endpoints.CHANGE_INSTANCE[Command.START], request)


def parted(answers: Iterable[OperationReply | BaseException]) -> tuple[list[OperationReply], list[Fault]]:
    """What was accepted, and why the rest was refused."""
    accepted: list[OperationReply] = []
    faults: list[Fault] = []
    for answer in answers:
        if isinstance(answer, OperationReply):
            accepted.append(answer)
        else:
            assert isinstance(answer, FaultError), answer
            faults.append(answer.fault)
    return accepted, faults


def most_at_once(kept: list[Kept]) -> int:
    """The most operations of one actor that were pending at any moment of the stream."""
    pending: dict[str, set[str]] = {}
    most = 0
    for one in kept:
        mine = pending.setdefault(one.event.actor, set())
        if one.event.type is EventType.RECEIVED:
            mine.add(one.event.operation_id)
            most = max(most, len(mine))
        else:
            mine.discard(one.event.operation_id)
    return most


async def test_what_is_sent_at_once_does_not_pass_the_limit(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        asked, cloud = Asked(broker), Cloud(broker)
        answers = await asyncio.gather(
            *(asked.create(actor) for actor in ("ann", "bob") for _ in range(40)), return_exceptions=True
        )
        accepted, faults = parted(answers)
        assert len(accepted) == 2 * MOST
        assert {fault.code for fault in faults} == {ErrorCode.RATE_LIMITED}
        assert "5 operations pending, of at most 5" in faults[-1].message
        assert 0 < (faults[-1].retry_after or 0) <= SLOW_SECONDS
        assert most_at_once(await cloud.kept()) == MOST
        await cloud.create(actor="ann")  # by somebody who asks for no limit
        assert (await refusal(asked.create())).code is ErrorCode.RATE_LIMITED


async def test_places_are_free_again_when_operations_end(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=0.1):
        asked, cloud = Asked(broker), Cloud(broker)

        async def until_accepted(most: int = MOST) -> None:
            while True:
                answers = await asyncio.gather(asked.create(most=most), return_exceptions=True)
                _, faults = parted(answers)
                if not faults:
                    return
                assert faults[0].code is ErrorCode.RATE_LIMITED
                await asyncio.sleep(faults[0].retry_after or 0)

        await asyncio.gather(*(until_accepted() for _ in range(4 * MOST)))
        for _ in range(2):
            await until_accepted(most=1)
        kept = await cloud.all_finished(4 * MOST + 2)
        assert most_at_once(kept) <= MOST


async def test_a_retry_of_what_was_accepted_is_answered_at_the_limit(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        asked, cloud = Asked(broker), Cloud(broker)
        first = await asked.create(key="first")
        await cloud.cancel(first.operation.id)
        for _ in range(MOST):
            await asked.create()
        again = await asked.create(key="first")
        assert again.operation.id == first.operation.id
        assert (await refusal(asked.create(key="another"))).code is ErrorCode.RATE_LIMITED


async def test_what_the_broker_refuses_gives_its_place_back(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        asked, cloud = Asked(broker), Cloud(broker)
        for _ in range(MOST + 1):
            fault = await refusal(asked.start("nothing", uuid4().hex))
            assert fault.code is ErrorCode.INSTANCE_NOT_FOUND
        # The id is used: the write's guard objects, and what holds the place has to let it go.
        used = (await cloud.create("used")).operation
        await cloud.cancel(used.id)
        for _ in range(MOST + 1):
            assert (await asked.create(key="used")).operation.id == used.id
        accepted, _ = parted(
            await asyncio.gather(*(asked.create() for _ in range(2 * MOST)), return_exceptions=True)
        )
        assert len(accepted) == MOST


async def test_another_process_counts_what_it_has_heard_of(
    broker: NatsConnection, broker_process: BrokerProcess
) -> None:
    other = await connect(broker_process.url, name="other")
    async with service(broker, delay_seconds=SLOW_SECONDS), service(other, delay_seconds=SLOW_SECONDS):
        asked = Asked(broker)
        answers = await asyncio.gather(*(asked.create() for _ in range(60)), return_exceptions=True)
        accepted, _ = parted(answers)
        assert MOST <= len(accepted) <= 2 * MOST
        # Whichever of them is asked now has heard of all.
        faults = [await refusal(asked.create()) for _ in range(10)]
        assert {fault.code for fault in faults} == {ErrorCode.RATE_LIMITED}
    await other.close()


async def test_that_somebody_has_too_much_pending_is_in_the_audit(broker: NatsConnection) -> None:
    async with service(broker, delay_seconds=SLOW_SECONDS):
        asked, reader = Asked(broker), StreamReader(broker, AUDIT_STREAM)
        await asked.create(most=1)
        await refusal(asked.create(most=1))
        (kept,) = await until_answer(
            lambda: reader.page(audit_subject("refused", "*"), start=1, count=10), lambda page: page
        )
        entry = AUDIT_ENTRY.read(kept.data)
        assert (entry.actor, entry.code) == ("ann", ErrorCode.RATE_LIMITED)
