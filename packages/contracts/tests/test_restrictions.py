"""The fold of mutes and bans, compared step by step with a much simpler model, and what may be banned."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from opsroom_contracts.addresses import AddressRuleError, bannable_site, site_of
from opsroom_contracts.moderation import Restriction, RestrictionKind, restriction_id
from opsroom_contracts.restrictions import Restrictions, refusal

START = datetime(2026, 11, 23, tzinfo=UTC)
TICK = timedelta(seconds=1)
NAMES = ("Ann", "ANN", "Bob")
SAME = {"Ann": "ann", "ANN": "ann", "Bob": "bob"}
SITES = ("203.0.113.7", "2001:db8::/64")


@dataclass(frozen=True)
class StreamMessage:
    """A record and its place."""

    seq: int
    record: Restriction


class RestrictionsMachine(RuleBasedStateMachine):
    """Records come in any order, some again; what is in force is always what the newest ones say.

    The model is the list of all that came.
    """

    stored = Bundle("stored")

    def __init__(self) -> None:
        super().__init__()
        self.fold = Restrictions()
        self.came: dict[str, StreamMessage] = {}
        self.seq = 0
        self.ticks = 0

    @property
    def now(self) -> datetime:
        return START + TICK * self.ticks

    @rule(
        target=stored,
        kind=st.sampled_from(RestrictionKind),
        who=st.sampled_from((*NAMES, *SITES)),
        lasts=st.none() | st.integers(1, 5),
        lifted=st.booleans(),
    )
    def store(self, kind: RestrictionKind, who: str, lasts: int | None, lifted: bool) -> StreamMessage:
        name, address = (who, None) if who in NAMES else (None, who)
        self.seq += 1
        record = Restriction(
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
        known = self.came.get(one.record.id)
        news = self.fold.put(one.record, one.seq, self.now)
        if known is None or known.seq < one.seq:
            assert news == (known is None or known.record != one.record)
            self.came[one.record.id] = one
        else:
            assert not news

    @rule(ticks=st.integers(1, 4))
    def wait(self, ticks: int) -> None:
        self.ticks += ticks

    def held(self, kind: RestrictionKind, who: str) -> Restriction | None:
        """What the model says about ``who``."""
        for one in self.came.values():
            record = one.record
            about = SAME[record.name] if record.name is not None else record.address
            if record.kind is kind and about == SAME.get(who, who) and not record.lifted:
                return record if record.until is None or self.now < record.until else None
        return None

    @invariant()
    def everybody_is_held_to_the_newest_record(self) -> None:
        for name in NAMES:
            assert self.fold.mute_of(name, self.now) == self.held(RestrictionKind.MUTE, name)
            assert self.fold.ban_of_name(name, self.now) == self.held(RestrictionKind.BAN, name)
        for site in SITES:
            assert self.fold.ban_of_site(site, self.now) == self.held(RestrictionKind.BAN, site)
        listed = {one.id for one in self.fold.in_force(self.now)}
        held = [self.held(kind, who) for kind in RestrictionKind for who in (*NAMES, *SITES)]
        assert listed == {one.id for one in held if one is not None}


RestrictionsMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestRestrictionsMachine = RestrictionsMachine.TestCase


def banned(n: int, until: datetime | None) -> Restriction:
    key = restriction_id(RestrictionKind.BAN, f"n{n}", None)
    return Restriction(id=key, kind=RestrictionKind.BAN, name=f"n{n}", by="a", at=START, until=until)


def test_what_has_ended_does_not_fill_the_memory() -> None:
    fold = Restrictions()
    fold.put(banned(0, None), 1, START)
    for n in range(1, 10_000):
        fold.put(banned(n, START + TICK), n + 1, START + 2 * TICK)
    assert len(fold) <= 2001
    assert [one.name for one in fold.in_force(START + 2 * TICK)] == ["n0"]


def test_the_one_concerned_is_told_until_when_and_why() -> None:
    fault = refusal(banned(1, START).model_copy(update={"reason": "spam"})).fault
    assert (fault.code, fault.until) == ("banned", START)
    assert fault.message == "you are banned until 2026-11-23T00:00:00.000Z: spam"
    muted = Restriction(id="x", kind=RestrictionKind.MUTE, name="n", by="a", at=START)
    assert refusal(muted).fault.message == "you are muted until it is lifted"


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8:0:0:1::", "2001:db8::/64"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_is_banned_as_its_site(text: str, site: str) -> None:
    assert bannable_site(text) == site


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "203.0.113",
        "203.0.113.0/24",
        "2001:db8::/48",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ],
)
def test_what_is_no_ones_address_in_particular_can_not_be_banned(text: str) -> None:
    with pytest.raises(AddressRuleError):
        bannable_site(text)


@settings(max_examples=50, deadline=None)
@given(st.ip_addresses())
def test_a_caller_is_found_by_the_site_that_was_banned(address: object) -> None:
    try:
        site = bannable_site(str(address))
    except AddressRuleError:
        return
    assert site_of(str(address)) == site == bannable_site(site)
