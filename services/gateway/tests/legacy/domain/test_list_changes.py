"""A client of the course contract that applies the events has the list of the portal, whatever happens."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.instances import Condition
from opsroom_contracts.cloud.models import Instance, PendingOperation
from opsroom_contracts.legacy import DONE_INFO
from opsroom_gateway.legacy.domain.list_changes import STATES, list_changes, listed_state

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def pending(command: Command) -> PendingOperation:
    return PendingOperation(id="o", command=command, actor="ann", accepted_at=NOW, due_at=NOW)


def instance(
    state: InstanceState = InstanceState.STOPPED,
    condition: Condition = Condition.OK,
    command: Command | None = None,
) -> Instance:
    operation = None if command is None else pending(command)
    return Instance(id="i", name="i", state=state, timestamp=NOW, condition=condition, pending=operation)


INSTANCES = st.none() | st.builds(
    instance,
    st.sampled_from(InstanceState),
    st.sampled_from(Condition),
    st.none() | st.sampled_from(Command),
)


@given(st.lists(st.tuples(INSTANCES, st.sampled_from(EventType)), max_size=20))
def test_the_events_lead_to_the_list(changes: list[tuple[Instance | None, EventType]]) -> None:
    before: Instance | None = None
    shown: InstanceState | None = None
    for after, event in changes:
        kinds = list_changes(before, after, event)
        assert set(kinds) <= set(DONE_INFO)
        if event in DONE_INFO:
            assert event in kinds
        for kind in kinds:
            shown = None if kind is EventType.REMOVED else STATES[kind]
        assert shown is listed_state(after)
        before = after


def test_what_happens_outside_has_the_name_of_the_command_with_the_same_effect() -> None:
    running, stopped = instance(InstanceState.RUNNING), instance()
    lost = instance(InstanceState.RUNNING, Condition.LOST)
    removing_lost = instance(InstanceState.RUNNING, Condition.LOST, Command.REMOVE)
    assert list_changes(stopped, running, EventType.OBSERVED) == (EventType.STARTED,)
    assert list_changes(running, stopped, EventType.OBSERVED) == (EventType.STOPPED,)
    assert list_changes(running, running, EventType.OBSERVED) == ()
    assert list_changes(None, stopped, EventType.ADOPTED) == (EventType.CREATED,)
    assert list_changes(None, running, EventType.ADOPTED) == (EventType.CREATED, EventType.STARTED)
    assert list_changes(running, lost, EventType.LOST) == (EventType.REMOVED,)
    assert list_changes(lost, removing_lost, EventType.RECEIVED) == ()
    assert list_changes(lost, running, EventType.OBSERVED) == (EventType.CREATED, EventType.STARTED)
    assert list_changes(running, running, EventType.RESTARTED) == ()
    assert list_changes(running, running, EventType.WORKING) == ()
    assert list_changes(None, instance(command=Command.ADOPT), EventType.RECEIVED) == ()
    created = instance(InstanceState.RUNNING)
    assert list_changes(instance(command=Command.CREATE), created, EventType.CREATED) == (
        EventType.CREATED,
        EventType.STARTED,
    )


def test_a_server_that_ended_at_once_was_started_and_has_stopped() -> None:
    stopped = instance()
    assert list_changes(stopped, stopped, EventType.STARTED) == (EventType.STARTED, EventType.STOPPED)
