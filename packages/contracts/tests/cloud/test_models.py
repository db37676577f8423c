"""The projection of an instance's events."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent, apply
from packages.contracts.tests.strategies import values_of

NOW = datetime(2026, 11, 23, 23, 4, 5, tzinfo=UTC)


def event(type_: EventType, command: Command = Command.START, **more: object) -> InstanceEvent:
    values: dict[str, object] = {
        "type": type_,
        "instance_id": "i",
        "operation_id": "o",
        "command": command,
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
        last.command is Command.CREATE and last.type in {EventType.CANCELLED, EventType.FAILED}
    )
    assert (instance is None) == gone
    if instance is not None:
        assert (instance.id, instance.state) == (last.instance_id, last.state)
        assert instance.timestamp == (last.since or last.timestamp)
        assert (instance.pending is not None) == (last.type is EventType.RECEIVED)


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
