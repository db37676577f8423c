"""The rules of presence and names as a state machine, compared step by step with a simple model.

The model has no statuses: a member has connections, a time until which they are listed without one, and a
time until which they hold their name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opsroom_chat.domain import presence
from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, GracePeriods, NameClaimChange, Registration
from opsroom_contracts.chat.models import (
    MAX_CONNECTIONS,
    Connection,
    LeaveReason,
    Member,
    ProtocolVersion,
    User,
)
from opsroom_contracts.errors import FaultError
from opsroom_contracts.text import names_alike

START = datetime(2026, 11, 23, tzinfo=UTC)
TICK = timedelta(seconds=1)
REGISTRATION, CLOSED, BROKEN, HOLD = 6, 1, 3, 4
GRACES = GracePeriods(TICK * REGISTRATION, TICK * CLOSED, TICK * BROKEN, TICK * HOLD, TICK * 9)
NEVER = -1

NAMES = ("Ann", "ANN", "ann", "Straße", "STRASSE", "Zoë", "Bob", "bob", "ВОВ", "8ob")
MEMBERS = tuple(
    (User(id=f"u{n}", name=name), ProtocolVersion.COURSE if n % 3 == 0 else ProtocolVersion.V1)
    for n, name in enumerate(NAMES)
)
WHO = st.integers(0, len(MEMBERS) - 1)
SOCKETS = st.integers(0, 3)
GATEWAYS = st.sampled_from(["g1", "g2", "g3"])


class NameTakenError(Exception):
    """Another member holds the name."""


@dataclass
class Expected:
    """One member in the model; times in ticks."""

    gateway_of: dict[str, str] = field(default_factory=dict)
    listed_until: int = NEVER
    held_until: int = NEVER
    place: int = NEVER

    def listed(self, now: int) -> bool:
        return bool(self.gateway_of) or now < self.listed_until

    def holds_name(self, now: int) -> bool:
        return self.listed(now) or now < self.held_until


class PresenceMachine(RuleBasedStateMachine):
    """Members register, join, leave, lose connections and return; list and names match the model."""

    def __init__(self) -> None:
        super().__init__()
        self.index = MemberIndex()
        self.seq = 0
        self.ticks = 0
        self.model: dict[int, Expected] = {}

    @property
    def now(self) -> datetime:
        return START + TICK * self.ticks

    def record(self, who: int) -> Member | None:
        entry = self.index.member(MEMBERS[who][0].id)
        return None if entry is None else entry.member

    def store(self, change: Change | None) -> None:
        """Apply a change atomically, as the broker does: both the record and the name, or neither."""
        if change is None:
            return
        keys = name_keys(change.member.user.name)
        holders = self.index.holders(keys)
        self.seq += 2
        if change.name is NameClaimChange.CLAIM:
            if holders - {change.member.user.id}:
                raise NameTakenError
            for key in keys:
                self.index.put_name(key, change.member.user.id, self.seq)
        elif change.name is NameClaimChange.RELEASE and holders == {change.member.user.id}:
            for key in keys:
                self.index.put_name(key, None, self.seq)
        self.index.put_member(change.member, self.seq - 1)

    def free_for(self, who: int) -> bool:
        name = MEMBERS[who][0].name
        return not any(
            other != who and names_alike(MEMBERS[other][0].name, name) and expected.holds_name(self.ticks)
            for other, expected in self.model.items()
        )

    @rule(who=WHO, socket=st.none() | SOCKETS, gateway=GATEWAYS)
    def register(self, who: int, socket: int | None, gateway: str) -> None:
        user, dialect = MEMBERS[who]
        connection = None if socket is None else Connection(id=f"c{socket}", gateway=gateway)
        registration = Registration(user, dialect, f"hash-{self.seq}", None, connection)
        change = presence.register(registration, self.record(who), self.now, GRACES)
        if not self.free_for(who):
            with pytest.raises(NameTakenError):
                self.store(change)
            return
        self.store(change)
        expected = self.model.setdefault(who, Expected())
        if not expected.holds_name(self.ticks):
            expected.place = self.ticks
        if connection is not None:
            expected.gateway_of.setdefault(connection.id, gateway)
        elif not expected.listed(self.ticks):
            expected.held_until = self.ticks + REGISTRATION
        stored = self.record(who)
        assert stored is not None
        assert stored.token_hash == registration.token_hash

    @rule(who=WHO, socket=SOCKETS, gateway=GATEWAYS)
    def join(self, who: int, socket: int, gateway: str) -> None:
        member = self.record(who)
        if member is None:
            return
        connection = Connection(id=f"c{socket}", gateway=gateway)
        change = presence.join(member, connection, None, self.now)
        expected = self.model[who]
        if not expected.holds_name(self.ticks):
            if not self.free_for(who):
                with pytest.raises(NameTakenError):
                    self.store(change)
                return
            expected.place = self.ticks
        self.store(change)
        expected.gateway_of.setdefault(connection.id, gateway)
        again = self.record(who)
        assert again is not None
        assert presence.join(again, connection, None, self.now) is None

    @rule(who=WHO, sockets=st.frozensets(SOCKETS, max_size=3), manner=st.sampled_from(LeaveReason))
    def leave(self, who: int, sockets: frozenset[int], manner: LeaveReason) -> None:
        self.take_away(who, {f"c{socket}" for socket in sockets}, manner)

    @rule(gateway=GATEWAYS)
    def gateway_dies(self, gateway: str) -> None:
        for who, expected in self.model.items():
            lost = {socket for socket, on in expected.gateway_of.items() if on == gateway}
            if lost:
                self.take_away(who, lost, LeaveReason.CLOSED)

    def take_away(self, who: int, sockets: Iterable[str], manner: LeaveReason) -> None:
        member = self.record(who)
        if member is None:
            return
        gone = frozenset(sockets)
        self.store(presence.leave(member, gone, manner, self.now, GRACES))
        expected = self.model[who]
        before = dict(expected.gateway_of)
        expected.gateway_of = {s: g for s, g in before.items() if gone and s not in gone}
        if not expected.gateway_of:
            if manner is LeaveReason.EXIT:
                expected.listed_until = expected.held_until = NEVER
            elif before:
                grace = BROKEN if manner is LeaveReason.BROKEN else CLOSED
                expected.listed_until = self.ticks + grace
                hold = HOLD if MEMBERS[who][1] is ProtocolVersion.V1 else 0
                expected.held_until = expected.listed_until + hold
        again = self.record(who)
        assert again is not None
        assert presence.leave(again, gone, manner, self.now, GRACES) is None

    @rule(count=st.integers(1, 3))
    def time_passes(self, count: int) -> None:
        for _ in range(count):
            self.ticks += 1
            for member in list(self.index.expiring()):
                self.store(presence.expire(member, self.now, GRACES))

    @invariant()
    def members_with_a_connection_or_grace_period_are_listed_in_order_of_joining(self) -> None:
        there = [who for who, expected in self.model.items() if expected.listed(self.ticks)]
        there.sort(key=lambda who: (self.model[who].place, MEMBERS[who][0].id))
        assert self.index.user_page(None, 9)[0] == tuple(MEMBERS[who][0] for who in there)

    @invariant()
    def names_have_the_holders_of_the_model(self) -> None:
        holders: dict[str, str | None] = {key: None for name in NAMES for key in name_keys(name)}
        for who, expected in self.model.items():
            if expected.holds_name(self.ticks):
                for key in name_keys(MEMBERS[who][0].name):
                    assert holders[key] is None, "two people hold one name"
                    holders[key] = MEMBERS[who][0].id
        for key, holder in holders.items():
            entry = self.index.name(key)
            assert (None if entry is None else entry.user_id) == holder

    @invariant()
    def connections_match_the_model(self) -> None:
        connected = {member.user.id: member for member in self.index.connected()}
        for who, expected in self.model.items():
            member = connected.pop(MEMBERS[who][0].id, None)
            found = {} if member is None else {c.id: c.gateway for c in member.connections}
            assert found == expected.gateway_of
        assert not connected

    def teardown(self) -> None:
        """Check that every name is free after all members left and all deadlines passed."""
        for who in self.model:
            self.take_away(who, (), LeaveReason.BROKEN)
        self.time_passes(REGISTRATION + BROKEN + HOLD)
        assert self.index.user_page(None, 9)[0] == ()
        for name in NAMES:
            assert not self.index.holders(name_keys(name))


PresenceMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPresence = PresenceMachine.TestCase


def test_connections_of_one_member_are_limited() -> None:
    user, dialect = MEMBERS[1]
    member = presence.register(Registration(user, dialect, "h", None, None), None, START, GRACES).member
    for n in range(MAX_CONNECTIONS):
        change = presence.join(member, Connection(id=f"c{n}", gateway="g"), None, START)
        assert change is not None
        member = change.member
    with pytest.raises(FaultError, match=f"{MAX_CONNECTIONS} connections"):
        presence.join(member, Connection(id="one-more", gateway="g"), None, START)


def test_an_older_record_never_replaces_a_newer_one() -> None:
    user, dialect = MEMBERS[1]
    old = presence.register(Registration(user, dialect, "old", None, None), None, START, GRACES).member
    index = MemberIndex()
    index.put_member(old.model_copy(update={"token_hash": "new"}), 7)
    index.put_member(old, 6)
    index.put_name("key", "new", 7)
    index.put_name("key", "old", 6)
    entry, name = index.member(user.id), index.name("key")
    assert entry is not None
    assert name is not None
    assert (entry.member.token_hash, name.user_id) == ("new", "new")
