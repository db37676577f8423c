"""The rules of the life cycle as a state machine, with random sequences of commands."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opsroom_cloud.domain.ids import instance_id_of
from opsroom_cloud.domain.lifecycle import decide
from opsroom_cloud.domain.observations import lose, observe
from opsroom_cloud.domain.operation_status import SequencedEvent, status_from_events
from opsroom_cloud.domain.orders import AcceptCommand, NewServer
from opsroom_cloud.domain.outcomes import Failure, cancel, complete, fail, retain, work
from opsroom_contracts.agents.protocol import Observation
from opsroom_contracts.cloud.commands import COMMANDS, Command, EventType, InstanceState
from opsroom_contracts.cloud.ids import operation_id_of
from opsroom_contracts.cloud.instances import Condition, FailureCode, default_name
from opsroom_contracts.cloud.models import (
    INSTANCE_EVENT,
    Instance,
    InstanceEvent,
    OperationStatus,
    Progress,
    apply,
)
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.serialization.codec import encode

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(seconds=10)
INSTANCE = "i-1"
AFTER = {
    Command.CREATE: InstanceState.STOPPED,
    Command.START: InstanceState.RUNNING,
    Command.RESTART: InstanceState.RUNNING,
    Command.STOP: InstanceState.STOPPED,
    Command.REMOVE: None,
}
"""The state after each command, spelled independently of the table."""
ALLOWED = {
    None: {Command.CREATE},
    InstanceState.STOPPED: {Command.START, Command.REMOVE},
    InstanceState.RUNNING: {Command.STOP, Command.RESTART, Command.REMOVE},
}
"""The commands that are valid in each state; None: there is no instance."""
PATHS: dict[InstanceState | None, list[Command]] = {
    None: [],
    InstanceState.STOPPED: [Command.CREATE],
    InstanceState.RUNNING: [Command.CREATE, Command.START],
}
ENDS = {spec.done for spec in COMMANDS.values()}
UNDOES = {EventType.CANCELLED, EventType.FAILED}
CHANGES = {
    Command.PROTECT: EventType.PROTECTED,
    Command.UNPROTECT: EventType.UNPROTECTED,
    Command.RENAME: EventType.RENAMED,
    Command.LABEL: EventType.LABELED,
}
"""The commands without a delay, and the event of each."""
KEYS = ("env", "role")


class LifeCycle(RuleBasedStateMachine):
    """One instance with random commands, compared with a model of its state and its pending operation."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.log: list[InstanceEvent] = []
        self.orders: list[AcceptCommand] = []
        self.accepted: list[str] = []
        # The model: None if there is no instance.
        self.state: InstanceState | None = None
        self.since: datetime | None = None
        self.pending: AcceptCommand | None = None
        self.working = self.protected = False
        self.name = default_name(INSTANCE)
        self.labels: dict[str, str] = {}
        self.condition = Condition.OK

    def instance(self) -> Instance | None:
        return apply(self.log[-1]) if self.log else None

    @initialize(state=st.sampled_from(list(ALLOWED)))
    def reach(self, state: InstanceState | None) -> None:
        """Begin in each state: random commands alone rarely start an instance."""
        for command in PATHS[state]:
            self.send_command(command)
            self.pending_operation_completes()

    @rule(seconds=st.integers(1, 15))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _valid(self) -> set[Command]:
        return {one for one in ALLOWED[self.state] if self._expected_refusal(one) is None}

    @precondition(lambda self: self.pending is None and self._valid())
    @rule(data=st.data())
    def send_valid_command(self, data: st.DataObject) -> None:
        self.send_command(data.draw(st.sampled_from(sorted(self._valid()))))

    @rule(command=st.sampled_from([one for one in Command if one not in {*CHANGES, Command.ADOPT}]))
    def send_command(self, command: Command) -> None:
        order = AcceptCommand(
            command=command,
            instance_id=INSTANCE,
            operation_id=f"o-{len(self.orders)}",
            actor="ann",
            accepted_at=self.now,
            due_at=self.now + DELAY,
            server=NewServer(labels={"made": "here"}),
        )
        self.orders.append(order)
        self._decide(order)

    @rule()
    def repeat_the_command_of_a_pending_operation(self) -> None:
        if self.pending is not None:
            verdict = decide(self.instance(), self.pending)
            assert isinstance(verdict, Fault)
            assert verdict.operation_id == self.pending.operation_id

    def _decide(self, order: AcceptCommand) -> None:
        verdict = decide(self.instance(), order)
        expected = self._expected_refusal(order.command)
        if expected is not None:
            assert isinstance(verdict, Fault)
            assert verdict.code is expected
            named = None if self.pending is None else self.pending.operation_id
            assert verdict.operation_id == named
            return
        assert isinstance(verdict, InstanceEvent)
        assert verdict.type is EventType.RECEIVED
        self.log.append(verdict)
        self.accepted.append(order.operation_id)
        if order.command is Command.CREATE:
            self.state, self.since = InstanceState.STOPPED, self.now
            self.protected, self.name, self.labels = False, default_name(INSTANCE), {"made": "here"}
            self.condition = Condition.OK
        self.pending, self.working = order, False

    @rule(
        command=st.sampled_from(sorted(CHANGES)),
        name=st.sampled_from(["web", "db", default_name(INSTANCE)]),
        labels=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b"]) | st.none(), min_size=1),
    )
    def change_at_once(self, command: Command, name: str, labels: dict[str, str | None]) -> None:
        """A command without a delay is valid in every state, also while another one is pending."""
        order = AcceptCommand(
            command=command,
            instance_id=INSTANCE,
            operation_id=f"o-{len(self.orders)}",
            actor="bob",
            accepted_at=self.now,
            due_at=self.now,
            name=name if command is Command.RENAME else None,
            labels=labels,
        )
        verdict = decide(self.instance(), order, "token:ann")
        if self.state is None:
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.INSTANCE_NOT_FOUND
            return
        assert isinstance(verdict, InstanceEvent)
        assert (verdict.type, verdict.actor) == (CHANGES[command], "bob")
        assert verdict.pending_identity == (None if self.pending is None else "token:ann")
        self.log.append(verdict)
        match command:
            case Command.RENAME:
                self.name = name
            case Command.LABEL:
                merged = {**self.labels, **labels}
                self.labels = {key: value for key, value in merged.items() if value is not None}
            case _:
                self.protected = command is Command.PROTECT

    @precondition(lambda self: self.pending is not None and self.now >= self.pending.due_at)
    @rule(percent=st.integers(0, 100))
    def provider_works(self, percent: int) -> None:
        assert self.pending is not None
        event = work(self.instance(), self.pending.operation_id, Progress(percent=percent), self.now)
        assert event is not None
        self.log.append(event)
        self.working = True

    @rule(state=st.sampled_from(InstanceState))
    def something_changes_outside(self, state: InstanceState) -> None:
        instance = self.instance()
        if instance is None:
            return
        event = observe(instance, Observation(id=INSTANCE, state=state), self.now)
        failed_before = self.condition is Condition.FAILED and state is self.state
        expected = self.condition if failed_before else Condition.OK
        if self.working or (state, expected) == (self.state, self.condition):
            assert event is None
            return
        assert event is not None
        assert (event.type, event.actor, event.operation_id) == (EventType.OBSERVED, "outside", None)
        self.log.append(event)
        self.since = self.since if state is self.state else self.now
        self.state, self.condition = state, expected

    @rule()
    def it_disappears_outside(self) -> None:
        instance = self.instance()
        if instance is None:
            return
        event = lose(instance, self.now)
        if self.working or self.condition is Condition.LOST:
            assert event is None
            return
        assert event is not None
        self.log.append(event)
        self.since = self.since if self.state is InstanceState.STOPPED else self.now
        self.state, self.condition = InstanceState.STOPPED, Condition.LOST

    def _expected_refusal(self, command: Command) -> ErrorCode | None:
        if self.state is None:
            return None if command is Command.CREATE else ErrorCode.INSTANCE_NOT_FOUND
        if self.pending is not None:
            return ErrorCode.OPERATION_PENDING
        if self.protected and command in {Command.STOP, Command.RESTART, Command.REMOVE}:
            return ErrorCode.PROTECTED
        if self.condition is Condition.LOST and command is not Command.REMOVE:
            return ErrorCode.TRANSITION_INVALID
        return None if command in ALLOWED[self.state] else ErrorCode.TRANSITION_INVALID

    @rule(data=st.data())
    def timer_fires(self, data: st.DataObject) -> None:
        """Complete any operation, possibly again."""
        if not self.orders:
            return
        self._complete(data.draw(st.sampled_from(self.orders)))

    @precondition(lambda self: self.pending is not None)
    @rule()
    def pending_operation_completes(self) -> None:
        assert self.pending is not None
        self.now = max(self.now, self.pending.due_at)
        self._complete(self.pending)

    def _complete(self, order: AcceptCommand) -> None:
        event = complete(self.instance(), order.operation_id, self.now)
        if self.pending is None or self.pending.operation_id != order.operation_id:
            assert event is None
            return
        assert event is not None
        assert event.type in ENDS
        self.log.append(event)
        self.pending, self.working = None, False
        self.condition = Condition.OK
        self.state = AFTER[order.command]
        self.since = None if self.state is None else self.now

    @rule(data=st.data(), reason=st.text(max_size=900), code=st.sampled_from(FailureCode))
    def provider_fails(self, data: st.DataObject, reason: str, code: FailureCode) -> None:
        if not self.orders:
            return
        order = data.draw(st.sampled_from(self.orders))
        failure = Failure(code, reason)
        event = fail(self.instance(), order.operation_id, failure, self.now)
        if self.pending is None or self.pending.operation_id != order.operation_id:
            assert event is None
            return
        assert event is not None
        assert (event.reason, event.reason_code) == (reason[:500], code)
        self._undone(event, order)
        kinds = {FailureCode.VANISHED: Condition.LOST, FailureCode.OUTCOME_UNKNOWN: Condition.UNKNOWN}
        self.condition = kinds.get(code, Condition.FAILED)

    @rule(data=st.data())
    def someone_cancels(self, data: st.DataObject) -> None:
        if not self.orders:
            return
        order = data.draw(st.sampled_from(self.orders))
        verdict = cancel(self.instance(), order.operation_id, "bob", self.now)
        mine = self.pending is not None and self.pending.operation_id == order.operation_id
        if not mine or self.working or self.now >= order.due_at:
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.OPERATION_FINISHED
            return
        assert isinstance(verdict, InstanceEvent)
        assert verdict.actor == "bob"
        self._undone(verdict, order)

    def _undone(self, event: InstanceEvent, order: AcceptCommand) -> None:
        assert event.type in UNDOES
        self.log.append(event)
        self.pending, self.working = None, False
        if order.command is Command.CREATE:
            self.state = self.since = None

    @rule()
    def state_is_stored_again(self) -> None:
        instance = self.instance()
        if instance is not None and instance.pending is None:
            self.log.append(retain(self.log[-1], self.now))

    @invariant()
    def the_projection_matches_the_model(self) -> None:
        instance = self.instance()
        if self.state is None:
            assert instance is None
            return
        assert instance is not None
        assert (instance.state, instance.timestamp) == (self.state, self.since)
        assert (instance.name, instance.protected) == (self.name, self.protected)
        assert (instance.labels, instance.condition) == (self.labels, self.condition)
        is_working = instance.pending is not None and instance.pending.progress is not None
        assert is_working == self.working
        pending = None if instance.pending is None else (instance.pending.id, instance.pending.due_at)
        expected = None if self.pending is None else (self.pending.operation_id, self.pending.due_at)
        assert pending == expected

    @invariant()
    def each_accepted_operation_begins_once_and_ends_at_most_once(self) -> None:
        for order in self.orders:
            mine = [e for e in self.log if e.operation_id == order.operation_id]
            begun = [e for e in mine if e.type is EventType.RECEIVED]
            ended = [e for e in mine if e.type in ENDS | UNDOES]
            pending = self.pending is not None and self.pending.operation_id == order.operation_id
            assert len(begun) == (order.operation_id in self.accepted)
            assert len(ended) == (bool(begun) and not pending)

    @invariant()
    def the_status_of_an_operation_is_derived_from_the_events(self) -> None:
        for place, event in enumerate(self.log):
            if event.type is not EventType.RECEIVED:
                continue
            rest = [SequencedEvent(seq, e) for seq, e in enumerate(self.log) if seq >= place]
            found = status_from_events(event.operation_id or "", rest)
            assert found is not None
            pending = self.pending is not None and self.pending.operation_id == event.operation_id
            assert (found.status is OperationStatus.PENDING) == pending
            assert self.log[found.seq].operation_id == event.operation_id

    @invariant()
    def events_that_need_nothing_new_are_stored_as_before(self) -> None:
        for event in self.log:
            assert INSTANCE_EVENT.read(encode(event.stored())) == event


TestLifeCycle = LifeCycle.TestCase


@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_state(command: Command, state: InstanceState | None) -> None:
    run = LifeCycle()
    run.reach(state)
    assert run.state is state
    run.send_command(command)
    assert (run.pending is not None) is (command in ALLOWED[state])
    if run.pending is not None:
        run.pending_operation_completes()
        run.the_projection_matches_the_model()
        assert run.state is AFTER[command]


def test_ids_are_derived_from_the_client_id() -> None:
    assert operation_id_of("a") == operation_id_of("a") != operation_id_of("b")
    assert instance_id_of("a") == instance_id_of("a") != instance_id_of("b")
    assert len(operation_id_of("a")) == 32
    assert [len(part) for part in instance_id_of("a").split("-")] == [8, 4, 4, 4, 12]
