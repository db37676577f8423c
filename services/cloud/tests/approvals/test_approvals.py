"""Commands that must be approved, end to end over NATS."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.cloud.commands import UNDONE, Command, EventType
from opsroom_contracts.cloud.models import DueOperation, Operation, OperationStatus
from opsroom_contracts.cloud.requests import OperationReply
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import AUDIT, AUDIT_STREAM, CLOUD_STREAM, instance_due, instance_events
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.cloud.tests.harness import Cloud, refusal, service

POLICY = "rm,stop,start label:env=prod\nrestart label:env=prod need=2 role=operator\ncreate label:env=new"
PROD = {"env": "prod"}


@pytest.fixture
async def strict(broker: NatsConnection) -> AsyncIterator[Cloud]:
    """A service with a policy."""
    async with service(broker, approvals=POLICY):
        yield Cloud(broker)


async def asked(cloud: Cloud, command: Command = Command.START, by: str = "ann", **more: Any) -> Operation:
    """Create a server of production, and send a command that awaits approval."""
    instance_id = await cloud.created(labels=PROD)
    more = {"identity": f"user:{by}", "address": "::1", **more}
    reply = await cloud.change(command, instance_id, **more)
    assert reply.operation.status is OperationStatus.AWAITING_APPROVAL
    return reply.operation


async def kinds(cloud: Cloud, operation: Operation) -> list[EventType]:
    """The types of the events of an operation."""
    kept = await cloud.kept(instance_events(operation.instance_id))
    return [one.event.type for one in kept if one.event.operation_id == operation.id]


async def test_an_approved_command_takes_the_ordinary_delay(strict: Cloud) -> None:
    operation = await asked(strict)
    waiting = await strict.instance(operation.instance_id)
    assert waiting is not None
    assert waiting.pending is not None
    assert waiting.pending.approval is not None
    assert (waiting.pending.approval.need, waiting.pending.approval.role) == (1, Role.OPERATOR)
    assert operation.approval == waiting.pending.approval
    assert operation.due_at - operation.accepted_at == timedelta(minutes=15)
    approved = (await strict.approve(operation.id, "bob")).operation
    assert approved.status is OperationStatus.PENDING
    assert approved.due_at < operation.due_at
    assert approved.approval is not None
    assert approved.approval.approved_by == ("bob",)
    done = await strict.finished(operation)
    assert (done.status, done.actor, done.approval) == (OperationStatus.DONE, "ann", approved.approval)
    assert await kinds(strict, operation) == [
        EventType.REQUESTED,
        EventType.APPROVED,
        EventType.RECEIVED,
        EventType.STARTED,
    ]
    kept = await strict.kept(instance_events(operation.instance_id))
    assert kept[-1].message.at - kept[-2].message.at >= timedelta(seconds=1)
    assert [one.event.identity for one in kept[-4:]] == ["user:ann", "user:bob", "user:ann", "user:ann"]


async def test_anybody_can_cancel_an_approved_command_before_it_is_due(strict: Cloud) -> None:
    operation = await asked(strict)
    await strict.approve(operation.id, "bob")
    cancelled = (await strict.cancel(operation.id, "zoe", identity="user:zoe", address="::1")).operation
    assert cancelled.status is OperationStatus.CANCELLED
    assert (await kinds(strict, operation))[-1] is EventType.CANCELLED


@pytest.mark.parametrize(
    ("by", "role", "more", "code"),
    [
        ("ann", Role.OPERATOR, {}, ErrorCode.FORBIDDEN),
        ("ann", Role.ADMIN, {}, ErrorCode.FORBIDDEN),
        ("ann", Role.OPERATOR, {"alone": "it burns"}, ErrorCode.FORBIDDEN),
        ("bot-1", Role.ADMIN, {"owner": "user:ann"}, ErrorCode.FORBIDDEN),
        ("eve", Role.VIEWER, {}, ErrorCode.FORBIDDEN),
        ("eve", None, {}, ErrorCode.FORBIDDEN),
    ],
)
async def test_neither_the_author_nor_a_lesser_role_can_approve(
    strict: Cloud, by: str, role: Role | None, more: dict[str, Any], code: ErrorCode
) -> None:
    operation = await asked(strict)
    before = (await strict.reader.bounds()).last
    fault = await refusal(strict.approve(operation.id, by, role, **more))
    assert (fault.code, fault.operation_id) == (code, operation.id)
    assert (await strict.reader.bounds()).last == before


async def test_what_a_bot_asks_its_owner_can_not_approve(strict: Cloud) -> None:
    operation = await asked(strict, by="bot-1", owner="user:ann")
    assert (await refusal(strict.approve(operation.id, "ann"))).code is ErrorCode.FORBIDDEN
    assert (await strict.approve(operation.id, "bob")).operation.status is OperationStatus.PENDING


async def test_two_approvals_are_of_two_people(strict: Cloud) -> None:
    operation = await asked(strict)
    await strict.approve(operation.id, "bob")
    await strict.finished(operation)
    restart = (
        await strict.change(Command.RESTART, operation.instance_id, identity="user:ann", address="::1")
    ).operation
    first = await strict.approve(restart.id, "bob")
    assert first.operation.status is OperationStatus.AWAITING_APPROVAL
    assert (await strict.approve(restart.id, "bob")).operation == first.operation, "a retry changes nothing"
    fault = await refusal(strict.approve(restart.id, "bot-2", owner="user:bob"))
    assert fault.code is ErrorCode.FORBIDDEN
    second = await strict.approve(restart.id, "zoe")
    assert second.operation.status is OperationStatus.PENDING
    assert second.operation.approval is not None
    assert second.operation.approval.approved_by == ("bob", "zoe")
    assert (await strict.finished(restart)).status is OperationStatus.DONE


async def test_an_admin_approves_alone_with_a_reason(strict: Cloud, broker: NatsConnection) -> None:
    operation = await asked(strict, by="ann")
    reply = await strict.approve(operation.id, "ann", Role.ADMIN, alone="the disk is full")
    assert reply.operation.status is OperationStatus.PENDING
    vote = next(
        one.event
        for one in await strict.kept(instance_events(operation.instance_id))
        if one.event.type is EventType.APPROVED
    )
    assert (vote.actor, vote.reason) == ("ann", "the disk is full")
    audit = StreamReader(broker, AUDIT_STREAM)

    async def reasons() -> list[str | None]:
        entries = [AUDIT_ENTRY.read(one.data) for one in await audit.page(AUDIT, start=1, count=100)]
        return [one.reason for one in entries if one.action.value == "approve"]

    assert await until_answer(reasons, bool) == ["the disk is full"]


async def test_a_denied_command_has_no_effect(strict: Cloud) -> None:
    operation = await asked(strict)
    before = await strict.instance(operation.instance_id)
    assert before is not None
    reply = await strict.deny(operation.id, "bob", reason="not before noon")
    assert (reply.operation.status, reply.operation.reason) == (OperationStatus.DENIED, "not before noon")
    assert (await strict.deny(operation.id, "bob", reason="again")).operation == reply.operation
    after = await strict.instance(operation.instance_id)
    assert after == before.model_copy(update={"pending": None})
    assert (await refusal(strict.deny(operation.id, "zoe"))).code is ErrorCode.NOT_AWAITING
    assert (await refusal(strict.approve(operation.id, "zoe"))).code is ErrorCode.NOT_AWAITING
    await strict.change(Command.START, operation.instance_id)  # it can be asked for again


async def test_a_denied_creation_leaves_no_server(strict: Cloud) -> None:
    operation = (await strict.create(labels={"env": "new"}, name="web")).operation
    assert operation.status is OperationStatus.AWAITING_APPROVAL
    await strict.deny(operation.id, "bob")
    assert (await strict.page()).instances == ()
    again = (await strict.create(labels={"env": "new"}, name="web", start=True)).operation
    await strict.approve(again.id, "bob")
    await strict.finished(again)
    created = await strict.instance(again.instance_id)
    assert created is not None
    assert created.state.value == "running"


async def test_only_the_author_cancels_a_command_that_waits(strict: Cloud) -> None:
    operation = await asked(strict)
    fault = await refusal(strict.cancel(operation.id, "bob", identity="user:bob", address="::1"))
    assert fault.code is ErrorCode.FORBIDDEN
    reply = await strict.cancel(operation.id, "ann", identity="user:ann", address="::1")
    assert reply.operation.status is OperationStatus.CANCELLED
    assert await strict.cancel(operation.id, "ann", identity="user:ann", address="::1") == reply


async def test_a_command_that_nobody_decides_about_expires(broker: NatsConnection) -> None:
    async with service(broker, approvals="start expires=1s", grace_seconds=600):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        operation = (await cloud.change(Command.START, instance_id)).operation
        assert (await cloud.finished(operation)).status is OperationStatus.EXPIRED
        assert (await refusal(cloud.approve(operation.id, "bob"))).code is ErrorCode.NOT_AWAITING
        requested, expired = (await cloud.kept(instance_events(instance_id)))[-2:]
        assert expired.event.type is EventType.EXPIRED
        assert expired.message.at - requested.message.at >= timedelta(seconds=1)


async def test_the_reconciler_expires_a_command_whose_timer_is_lost(broker: NatsConnection) -> None:
    async with service(broker, approvals="start expires=1s"):
        cloud = Cloud(broker)
        instance_id = await cloud.created()
        operation = (await cloud.change(Command.START, instance_id)).operation
        await broker.jetstream.purge_stream(CLOUD_STREAM, subject="cloud.timers.*")
        assert (await cloud.finished(operation)).status is OperationStatus.EXPIRED


async def test_a_due_message_does_not_execute_what_waits(strict: Cloud) -> None:
    operation = await asked(strict)
    due = DueOperation(instance_id=operation.instance_id, operation_id=operation.id)
    await strict.put(instance_due(operation.instance_id), encode(due))
    await strict.created()  # takes as long as the command would
    assert (await strict.show(operation.id)).operation.status is OperationStatus.AWAITING_APPROVAL


async def test_changes_meanwhile_keep_the_command_waiting(strict: Cloud) -> None:
    operation = await asked(strict)
    await strict.rename(operation.instance_id, "web")
    assert (await strict.show(operation.id)).operation.status is OperationStatus.AWAITING_APPROVAL
    assert (await refusal(strict.approve(operation.id, "ann"))).code is ErrorCode.FORBIDDEN
    await strict.approve(operation.id, "bob")
    assert (await strict.finished(operation)).status is OperationStatus.DONE


async def test_a_command_that_is_no_longer_valid_can_not_be_approved(strict: Cloud) -> None:
    running = await asked(strict)
    await strict.approve(running.id, "bob")
    await strict.finished(running)
    stop = (await strict.change(Command.STOP, running.instance_id)).operation
    await strict.change(Command.PROTECT, running.instance_id)
    assert (await refusal(strict.approve(stop.id, "bob"))).code is ErrorCode.PROTECTED
    await strict.change(Command.UNPROTECT, running.instance_id)
    assert (await strict.approve(stop.id, "bob")).operation.status is OperationStatus.PENDING


async def test_a_retry_of_a_command_that_waits_finds_it(strict: Cloud) -> None:
    instance_id = await strict.created(labels=PROD)
    first = await strict.change(Command.START, instance_id, "key")
    assert await strict.change(Command.START, instance_id, "key") == first
    fault = await refusal(strict.change(Command.START, instance_id))
    assert (fault.code, fault.operation_id) == (ErrorCode.OPERATION_PENDING, first.operation.id)
    assert "awaits approval" in fault.message


async def test_clients_that_can_not_wait_are_refused(strict: Cloud) -> None:
    instance_id = await strict.created(labels=PROD)
    fault = await refusal(strict.change(Command.START, instance_id, may_await=False))
    assert fault.code is ErrorCode.APPROVAL_REQUIRED
    other = await strict.created()
    assert (await strict.change(Command.START, other, may_await=False)).operation.status.value == "pending"


async def test_only_admins_take_a_server_out_of_the_policy(strict: Cloud) -> None:
    instance_id = await strict.created(labels=PROD)
    by = {"actor": "bob", "identity": "user:bob", "address": "::1"}
    request = {"instanceId": instance_id, "labels": {"env": None}, **by}

    async def label(role: str) -> dict[str, Any]:
        payload = json.dumps(request | {"role": role}).encode()
        reply: dict[str, Any] = json.loads((await strict.broker.client.request("cloud.label", payload)).data)
        return reply

    refused = await label("operator")
    assert (refused["code"], refused["field"]) == ("forbidden", "labels")
    assert (await label("admin"))["operation"]["status"] == "done"


@pytest.mark.parametrize("seed", range(3))
async def test_of_many_decisions_at_once_one_counts(strict: Cloud, seed: int) -> None:
    operations = [await asked(strict) for _ in range(8)]
    random = Random(seed)

    async def decide(operation: Operation, what: int) -> OperationReply:
        match what:
            case 0:
                return await strict.approve(operation.id, random.choice(["bob", "zoe"]))
            case 1:
                return await strict.deny(operation.id, "eve")
            case _:
                return await strict.cancel(operation.id, "ann", identity="user:ann", address="::1")

    calls = [decide(one, what) for one in operations for what in random.choices(range(3), k=4)]
    random.shuffle(calls)
    replies = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, OperationReply | FaultError) for one in replies)
    for operation in operations:
        await strict.finished(operation)
        found = await kinds(strict, operation)
        decided = [one for one in found if one in {EventType.APPROVED, EventType.DENIED}]
        assert found.count(EventType.RECEIVED) == found.count(EventType.APPROVED) <= 1
        assert len(decided) <= 1
        assert sum(one in UNDONE or one is EventType.STARTED for one in found) == 1
