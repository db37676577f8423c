"""The projection of an instance's events."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from pydantic import ValidationError

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition, FailureCode
from opsroom_contracts.cloud.models import (
    OPERATION_RECORD,
    OUTSIDE,
    InstanceEvent,
    OperationRecord,
    PendingOperation,
    apply,
    facts_of,
)
from opsroom_contracts.serialization.codec import encode
from packages.contracts.tests.strategies import values_of

NOW = datetime(2026, 11, 23, 23, 4, 5, tzinfo=UTC)


def event(type_: EventType, **more: object) -> InstanceEvent:
    values: dict[str, object] = {
        "type": type_,
        "instance_id": "i",
        "operation_id": "o",
        "command": Command.START,
        "state": InstanceState.STOPPED,
        "actor": "ann",
        "timestamp": NOW,
        **more,
    }
    return InstanceEvent.model_validate(values)


@given(values_of(InstanceEvent).map(InstanceEvent.model_validate))
def test_the_last_event_determines_the_instance(last: InstanceEvent) -> None:
    instance = apply(last)
    gone = last.type is EventType.REMOVED or (
        last.command in {Command.CREATE, Command.ADOPT}
        and last.type in {EventType.CANCELLED, EventType.FAILED, EventType.DENIED, EventType.EXPIRED}
    )
    assert (instance is None) == gone
    if instance is not None:
        assert (instance.id, instance.state) == (last.instance_id, last.state)
        assert instance.timestamp == (last.since or last.timestamp)
        began = last.type is EventType.RECEIVED
        assert (instance.pending is not None) == (began or last.pending is not None)
        if last.name is not None:
            assert instance.name == last.name


@given(values_of(InstanceEvent).map(InstanceEvent.model_validate))
def test_an_event_that_repeats_the_facts_of_an_instance_keeps_them(last: InstanceEvent) -> None:
    before = apply(last)
    if before is None:
        return
    repeated = dict(facts_of(before))
    after = apply(event(EventType.RETAINED, instance_id=before.id, **repeated))
    assert after is not None
    assert facts_of(after) == facts_of(before)
    assert (after.name, after.labels, after.provider) == (before.name, before.labels, before.provider)
    assert (after.condition, after.reason) == (before.condition, before.reason)


def test_a_failed_operation_is_the_condition_of_the_instance_until_another_succeeds() -> None:
    code = FailureCode.NO_CAPACITY
    failed = apply(event(EventType.FAILED, reason="no room", reason_code=code))
    assert failed is not None
    assert (failed.condition, failed.reason, failed.reason_code) == (Condition.FAILED, "no room", code)
    again = apply(event(EventType.RECEIVED, **dict(facts_of(failed))))
    assert again is not None
    assert again.condition is Condition.FAILED
    done = apply(event(EventType.STARTED))
    assert done is not None
    assert (done.condition, done.reason, done.reason_code) == (Condition.OK, None, None)


@pytest.mark.parametrize("type_", sorted(set(EventType) - OUTSIDE))
def test_only_events_from_outside_may_lack_an_operation(type_: EventType) -> None:
    with pytest.raises(ValidationError, match="operationId and command are required"):
        event(type_, operation_id=None, command=None)


@pytest.mark.parametrize("type_", sorted(OUTSIDE))
def test_an_event_from_outside_keeps_the_pending_operation(type_: EventType) -> None:
    pending = PendingOperation(id="o", command=Command.STOP, actor="ann", accepted_at=NOW, due_at=NOW)
    instance = apply(event(type_, operation_id=None, command=None, pending=pending))
    assert instance is not None
    assert instance.pending == pending


NEW = {
    "name": "web",
    "labels": {"env": "prod"},
    "provider": "docker",
    "template": "small",
    "resource": "abc",
    "address": "10.0.0.1",
    "protected": True,
    "condition": Condition.LOST,
    "start": True,
}


@pytest.mark.parametrize("field", NEW)
def test_an_event_has_the_third_version_only_if_it_needs_it(field: str) -> None:
    plain = event(EventType.RECEIVED)
    assert json.loads(encode(plain.stored()))["version"] == 1
    authored = plain.model_copy(update={"identity": "token:a"})
    assert json.loads(encode(authored.stored()))["version"] == 2
    assert json.loads(encode(event(EventType.RECEIVED, **{field: NEW[field]}).stored()))["version"] == 3


def test_a_record_has_the_second_version_only_if_it_needs_it() -> None:
    record = OperationRecord(instance_id="i", command=Command.STOP, actor="ann", accepted_at=NOW, due_at=NOW)
    assert json.loads(encode(record.stored()))["version"] == 1
    assert OPERATION_RECORD.read(encode(record.stored())) == record
    for change in ({"target": "web"}, {"event_offset": 1}):
        newer = record.model_copy(update=change)
        assert json.loads(encode(newer.stored()))["version"] == 2
        assert OPERATION_RECORD.read(encode(newer.stored())) == newer


def test_a_received_command_is_pending_until_it_is_due() -> None:
    due = NOW + timedelta(seconds=10)
    instance = apply(event(EventType.RECEIVED, due_at=due))
    assert instance is not None
    assert instance.pending is not None
    assert (instance.pending.id, instance.pending.accepted_at, instance.pending.due_at) == ("o", NOW, due)


def test_a_received_command_without_a_due_time_is_due_immediately() -> None:
    instance = apply(event(EventType.RECEIVED))
    assert instance is not None
    assert instance.pending is not None
    assert instance.pending.due_at == NOW


@pytest.mark.parametrize("type_", [EventType.CANCELLED, EventType.FAILED])
def test_a_cancelled_or_failed_command_keeps_the_state_and_its_timestamp(type_: EventType) -> None:
    before = NOW - timedelta(hours=1)
    instance = apply(event(type_, since=before))
    assert instance is not None
    assert (instance.state, instance.timestamp, instance.pending) == (InstanceState.STOPPED, before, None)
