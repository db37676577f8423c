"""The projection of mutes and bans, compared step by step with a simple model."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from opsroom_contracts.chat.frames import MutedFrame
from opsroom_contracts.chat.moderation import RESTRICTION, RestrictionKind, RestrictionRecord, restriction_id
from opsroom_contracts.chat.restrictions import Restrictions, refusal

START = datetime(2026, 11, 23, tzinfo=UTC)
TICK = timedelta(seconds=1)
NAMES = ("Ann", "ANN", "Bob")
SAME = {"Ann": "ann", "ANN": "ann", "Bob": "bob"}
NETWORKS = ("203.0.113.7", "2001:db8::/64")


@dataclass(frozen=True)
class StreamMessage:
    """A record and its sequence."""

    seq: int
    record: RestrictionRecord


def test_a_stored_reason_stays_readable() -> None:
    """Earlier releases checked its length only."""
    stored = {
        "version": 1, "id": "r", "kind": "mute", "name": "a\ufffcb", "by": "ada",
        "at": "2026-11-23T00:00:00.000Z", "reason": "\x00\u202e\ufffc\n",
    }  # fmt: skip
    found = RESTRICTION.read(json.dumps(stored).encode())
    assert (found.name, found.reason) == ("a\ufffcb", "\x00\u202e\ufffc\n")
    assert MutedFrame(reason=found.reason).reason == found.reason


class RestrictionsMachine(RuleBasedStateMachine):
    """Records arrive in any order, some twice. The projection always follows the newest ones.

    The model is the newest delivered record of each restriction.
    """

    stored = Bundle("stored")

    def __init__(self) -> None:
        super().__init__()
        self.projection = Restrictions()
        self.newest: dict[str, StreamMessage] = {}
        self.seq = 0
        self.ticks = 0

    @property
    def now(self) -> datetime:
        return START + TICK * self.ticks

    @rule(
        target=stored,
        kind=st.sampled_from(RestrictionKind),
        who=st.sampled_from((*NAMES, *NETWORKS)),
        lasts=st.none() | st.integers(1, 5),
        lifted=st.booleans(),
    )
    def store(self, kind: RestrictionKind, who: str, lasts: int | None, lifted: bool) -> StreamMessage:
        name, address = (who, None) if who in NAMES else (None, who)
        self.seq += 1
        record = RestrictionRecord(
            id=restriction_id(kind, name, address),
            kind=kind,
            name=name,
            address=address,
            by="admin",
            at=self.now,
            until=None if lasts is None else self.now + TICK * lasts,
            lifted=lifted,
        )
        return StreamMessage(self.seq, record)

    @rule(one=stored)
    def deliver(self, one: StreamMessage) -> None:
        known = self.newest.get(one.record.id)
        news = self.projection.put(one.record, one.seq, self.now)
        if known is None or known.seq < one.seq:
            assert news == (known is None or known.record != one.record)
            self.newest[one.record.id] = one
        else:
            assert not news

    @rule(ticks=st.integers(1, 4))
    def wait(self, ticks: int) -> None:
        self.ticks += ticks

    def held(self, kind: RestrictionKind, who: str) -> RestrictionRecord | None:
        """Return the restriction of ``who`` in the model."""
        for one in self.newest.values():
            record = one.record
            about = SAME[record.name] if record.name is not None else record.address
            if record.kind is kind and about == SAME.get(who, who) and not record.lifted:
                return record if record.until is None or self.now < record.until else None
        return None

    @invariant()
    def the_newest_record_of_each_restriction_applies(self) -> None:
        for name in NAMES:
            assert self.projection.mute_of(name, self.now) == self.held(RestrictionKind.MUTE, name)
            assert self.projection.ban_of(name, self.now) == self.held(RestrictionKind.BAN, name)
        for network in NETWORKS:
            assert self.projection.ban_of_network(network, self.now) == self.held(
                RestrictionKind.BAN, network
            )
        listed = {one.id for one in self.projection.in_force(self.now)}
        held = [self.held(kind, who) for kind in RestrictionKind for who in (*NAMES, *NETWORKS)]
        assert listed == {one.id for one in held if one is not None}


RestrictionsMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestRestrictionsMachine = RestrictionsMachine.TestCase


def banned(n: int, until: datetime | None) -> RestrictionRecord:
    key = restriction_id(RestrictionKind.BAN, f"n{n}", None)
    return RestrictionRecord(id=key, kind=RestrictionKind.BAN, name=f"n{n}", by="a", at=START, until=until)


def test_expired_restrictions_are_removed_from_memory() -> None:
    projection = Restrictions()
    projection.put(banned(0, None), 1, START)
    for n in range(1, 10_000):
        projection.put(banned(n, START + TICK), n + 1, START + 2 * TICK)
    assert len(projection) <= 2001
    assert [one.name for one in projection.in_force(START + 2 * TICK)] == ["n0"]


def test_the_refusal_names_the_end_and_the_reason() -> None:
    fault = refusal(banned(1, START).model_copy(update={"reason": "spam"})).fault
    assert (fault.code, fault.until) == ("banned", START)
    assert fault.message == "you are banned until 2026-11-23T00:00:00.000Z: spam"
    muted = RestrictionRecord(id="x", kind=RestrictionKind.MUTE, name="n", by="a", at=START)
    assert refusal(muted).fault.message == "you are muted until it is lifted"


def test_a_restriction_is_found_under_names_that_look_alike() -> None:
    """Its stored id, which an older release computed, is that of the exact name."""
    projection = Restrictions()
    for seq, name in enumerate(("ADMIN", "ꓮꓓꓟꓲꓠ"), start=1):
        key = restriction_id(RestrictionKind.BAN, name, None)
        record = RestrictionRecord(
            id=key, kind=RestrictionKind.BAN, name=name, address=None, by="operator", at=START
        )
        projection.put(record, seq, START)
    found = {projection.ban_of(name, START) for name in ("admin", "Admin", "аdmin")}
    assert {None if ban is None else ban.name for ban in found} == {"ADMIN"}
    assert projection.ban_of("ꓮꓓꓟꓲꓠ", START) is not None
    assert projection.mute_of("admin", START) is None
    assert projection.ban_of("Adrian", START) is None
    assert restriction_id(RestrictionKind.BAN, "\u0410nn", None) == "21e88108083b45b1c5197ca23a98a1a9"
