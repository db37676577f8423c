"""The rules of approvals as a state machine, with random decisions of random people."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opsroom_cloud.domain.approvals import Moment, Voter, approve, cancel_refusal, deny, expire, request
from opsroom_cloud.domain.lifecycle import decide
from opsroom_cloud.domain.operation_status import (
    SequencedEvent,
    operation_of,
    record_of_event,
    status_from_events,
)
from opsroom_cloud.domain.orders import AcceptCommand, NewServer
from opsroom_cloud.domain.outcomes import Failure, cancel, complete, fail, pending_on, work
from opsroom_cloud.domain.policy import Requirement
from opsroom_contracts.cloud.commands import UNDONE, Command, EventType
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import (
    INSTANCE_EVENT,
    Instance,
    InstanceEvent,
    OperationStatus,
    Progress,
    apply,
)
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.codec import encode

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(seconds=10)
INSTANCE = "i-1"
PEOPLE = ["ann", "bob", "eve", "zoe"]
ROLES = {"ann": Role.ADMIN, "bob": Role.OPERATOR, "eve": Role.VIEWER, "zoe": Role.OPERATOR}
BOTS = {"ann": None, "bob": "user:zoe", "eve": None, "zoe": None}
"""Whose bot somebody is: what bob decides, zoe has decided."""


def voter(name: str) -> Voter:
    identities = {f"user:{name}", BOTS[name]} - {None}
    return Voter(name, f"user:{name}", frozenset(one for one in identities if one), ROLES[name])


class Approving(RuleBasedStateMachine):
    """One instance whose commands must be approved, compared with a model of who may do what."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.log: list[InstanceEvent] = []
        self.order: AcceptCommand | None = None
        self.requirement = Requirement(1, Role.OPERATOR, timedelta(minutes=1))
        # The model of the present operation.
        self.waiting = self.begun = False
        self.voters: set[str] = set()
        self.expires_at = self.due_at = BEGINNING
        self.ended: OperationStatus | None = None

    def instance(self) -> Instance | None:
        return apply(self.log[-1]) if self.log else None

    @property
    def operation_id(self) -> str:
        assert self.order is not None
        return self.order.operation_id

    @initialize()
    def begin(self) -> None:
        self.order = self._order(Command.CREATE, "ann")
        received = decide(None, self.order)
        assert isinstance(received, InstanceEvent)
        created = complete(apply(received), self.operation_id, self.now)
        assert created is not None
        self.log += [received, created]
        self.ended = OperationStatus.DONE

    def _order(self, command: Command, author: str) -> AcceptCommand:
        number = len(self.log)
        return AcceptCommand(
            command=command,
            instance_id=INSTANCE,
            operation_id=f"o-{number}",
            actor=author,
            accepted_at=self.now,
            due_at=self.now + DELAY,
            identity=f"user:{author}",
            server=NewServer(labels={"env": "prod"}),
            authors=voter(author).identities,
        )

    @precondition(lambda self: self.ended is not None)
    @rule(
        author=st.sampled_from(PEOPLE),
        need=st.integers(1, 3),
        role=st.sampled_from([Role.OPERATOR, Role.ADMIN]),
    )
    def somebody_asks(self, author: str, need: int, role: Role) -> None:
        instance = self.instance()
        assert instance is not None
        command = Command.STOP if instance.state.value == "running" else Command.START
        order = self._order(command, author)
        received = decide(instance, order)
        assert isinstance(received, InstanceEvent)
        self.requirement = Requirement(need, role, timedelta(minutes=1))
        event = request(received, order, self.requirement)
        assert (event.type, event.actor, event.operation_id) == (
            EventType.REQUESTED,
            author,
            order.operation_id,
        )
        self.log.append(event)
        self.order, self.waiting, self.begun, self.ended = order, True, False, None
        self.voters, self.expires_at = set(), self.now + timedelta(minutes=1)

    @rule(seconds=st.integers(1, 70))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _is_author(self, name: str) -> bool:
        assert self.order is not None
        return bool(voter(name).identities & self.order.authors)

    def _open(self) -> bool:
        return self.waiting and self.now < self.expires_at

    @precondition(lambda self: self.order is not None)
    @rule(name=st.sampled_from(PEOPLE), alone=st.none() | st.just("the disk is full"))
    def somebody_approves(self, name: str, alone: str | None) -> None:
        verdict = approve(
            self.instance(), self.operation_id, voter(name), Moment(self.now, DELAY), "user:author", alone
        )
        wanted = self.requirement.role if alone is None else Role.ADMIN
        voted = any(voter(name).identities & voter(one).identities for one in self.voters)
        if not self._open():
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.NOT_AWAITING
            return
        if not ROLES[name].includes(wanted) or (alone is None and (self._is_author(name) or voted)):
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.FORBIDDEN
            return
        assert not isinstance(verdict, Fault)
        self.voters.add(name)
        self.log += verdict
        assert (verdict[0].type, verdict[0].actor, verdict[0].reason) == (EventType.APPROVED, name, alone)
        is_last = alone is not None or len(self.voters) >= self.requirement.need
        assert (len(verdict) == 2) == is_last
        if is_last:
            assert self.order is not None
            received = verdict[1]
            assert (received.type, received.actor) == (EventType.RECEIVED, self.order.actor)
            self.waiting, self.begun, self.due_at = False, True, self.now + DELAY

    @precondition(lambda self: self.order is not None)
    @rule(name=st.sampled_from(PEOPLE))
    def somebody_denies(self, name: str) -> None:
        verdict = deny(self.instance(), self.operation_id, voter(name), "no", self.now)
        if not self._open():
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.NOT_AWAITING
            return
        if not ROLES[name].includes(self.requirement.role) or self._is_author(name):
            assert isinstance(verdict, Fault)
            assert verdict.code is ErrorCode.FORBIDDEN
            return
        assert isinstance(verdict, InstanceEvent)
        self._end(verdict, OperationStatus.DENIED)

    @precondition(lambda self: self.order is not None)
    @rule(name=st.sampled_from(PEOPLE))
    def somebody_cancels(self, name: str) -> None:
        pending = pending_on(self.instance(), self.operation_id)
        refusal = None if pending is None else cancel_refusal(pending, voter(name))
        assert (refusal is not None) == (self.waiting and not self._is_author(name))
        if refusal is not None:
            return
        verdict = cancel(self.instance(), self.operation_id, name, self.now)
        can = self._open() if self.waiting else self.begun and self.now < self.due_at
        if not can:
            assert isinstance(verdict, Fault)
            return
        assert isinstance(verdict, InstanceEvent)
        self._end(verdict, OperationStatus.CANCELLED)

    @precondition(lambda self: self.waiting and self.now >= self.expires_at)
    @rule()
    def nobody_decides(self) -> None:
        event = expire(self.instance(), self.operation_id, self.now)
        assert event is not None
        self._end(event, OperationStatus.EXPIRED)

    @precondition(lambda self: self.order is not None and not self.waiting)
    @rule()
    def it_does_not_expire_any_more(self) -> None:
        assert expire(self.instance(), self.operation_id, self.now) is None

    @precondition(lambda self: self.order is not None)
    @rule()
    def the_timer_fires(self) -> None:
        """What waits for an approval never takes effect, no matter who finishes it and when."""
        working = work(self.instance(), self.operation_id, Progress(), self.now)
        failed = fail(self.instance(), self.operation_id, Failure(FailureCode.SIMULATED, "x"), self.now)
        event = complete(self.instance(), self.operation_id, self.now)
        assert (event is not None) == (working is not None) == (failed is not None) == self.begun
        if event is not None:
            self._end(event, OperationStatus.DONE)

    def _end(self, event: InstanceEvent, status: OperationStatus) -> None:
        self.log.append(event)
        self.waiting = self.begun = False
        self.ended = status

    @invariant()
    def the_instance_has_what_waits_or_is_due(self) -> None:
        instance = self.instance()
        if instance is None:
            return
        pending = instance.pending
        assert (pending is not None) == (self.waiting or self.begun)
        if pending is not None:
            assert (pending.approval is not None) == self.waiting
            assert pending.due_at == (self.expires_at if self.waiting else self.due_at)
        if pending is not None and pending.approval is not None:
            assert len(pending.approval.approved_by) == len(self.voters) < self.requirement.need

    @invariant()
    def the_status_is_derived_from_the_events(self) -> None:
        if self.order is None:
            return
        place = next(i for i, one in enumerate(self.log) if one.operation_id == self.operation_id)
        rest = [SequencedEvent(seq, one) for seq, one in enumerate(self.log) if seq >= place]
        found = status_from_events(self.operation_id, rest)
        assert found is not None
        expected = self.ended or (
            OperationStatus.AWAITING_APPROVAL if self.waiting else OperationStatus.PENDING
        )
        assert found.status is expected
        operation = operation_of(self.operation_id, record_of_event(rest[0].event), found)
        if rest[0].event.type is EventType.REQUESTED:
            assert operation.approval is not None
            assert set(operation.approval.approved_by) == self.voters
        if self.begun:
            assert operation.due_at == self.due_at

    @invariant()
    def each_operation_begins_at_most_once_and_ends_at_most_once(self) -> None:
        for operation_id in {one.operation_id for one in self.log}:
            mine = [one.type for one in self.log if one.operation_id == operation_id]
            done = {EventType.CREATED, EventType.STARTED, EventType.STOPPED}
            assert mine.count(EventType.RECEIVED) <= 1
            assert sum(one in UNDONE | done for one in mine) <= 1
            if any(one in done for one in mine):
                assert EventType.RECEIVED in mine

    @invariant()
    def events_are_read_as_they_were_stored(self) -> None:
        for event in self.log[-3:]:
            assert INSTANCE_EVENT.read(encode(event.stored())) == event


TestApproving = Approving.TestCase
