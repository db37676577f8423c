"""Which report changes a card, and when it is another message. Rules without a broker."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.hooks import REMEMBERED_MAX, CardRecord
from opsroom_incidents.domain.cards import (
    AcknowledgmentError,
    CardId,
    Decision,
    Report,
    acknowledge,
    decide,
)

CARD = CardId("general", "alertmanager", "disk")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FIRING, ACKNOWLEDGED, RESOLVED = CardStatus.FIRING, CardStatus.ACKNOWLEDGED, CardStatus.RESOLVED


def report(status: CardStatus, delivery: str, *, named: bool = False, since: int | None = None) -> Report:
    starts_at = None if since is None else NOW + timedelta(seconds=since)
    return Report(status, delivery, named, starts_at)


def stored(*reports: Report) -> tuple[CardRecord, list[Decision | None]]:
    """Return the record after reports, and the outcome of each."""
    record: CardRecord | None = None
    made = []
    for number, one in enumerate(reports):
        decision = decide(CARD, record, one, NOW + timedelta(seconds=number))
        made.append(decision)
        if decision is not None and decision.record is not None:
            record = decision.record
    assert record is not None
    return record, made


def test_the_reports_of_one_alert_are_one_message() -> None:
    record, made = stored(report(FIRING, "a"), report(FIRING, "b"), report(RESOLVED, "c"))
    assert len({one.generation for one in made if one}) == 1
    assert record.status is RESOLVED


def test_what_begins_again_is_another_message() -> None:
    _, made = stored(report(FIRING, "a"), report(RESOLVED, "b"), report(FIRING, "c"))
    first, ended, again = (one.generation for one in made if one)
    assert (ended, again) == (first, first + 1)


def test_an_acknowledged_alert_stays_so_until_it_is_resolved() -> None:
    _, made = stored(
        report(FIRING, "a"),
        report(ACKNOWLEDGED, "b"),
        report(FIRING, "c"),
        report(RESOLVED, "d"),
        report(FIRING, "e"),
    )
    statuses = [one.status for one in made if one]
    assert statuses == [FIRING, ACKNOWLEDGED, ACKNOWLEDGED, RESOLVED, FIRING]


def test_an_acknowledgment_counts_once_and_is_known_until_the_alert_begins_again() -> None:
    record, _ = stored(report(FIRING, "a"))
    decided = acknowledge(CARD, record, record.generation, "ack-1", "Ann", NOW + timedelta(seconds=5))
    assert (decided.status, decided.acknowledged_by) == (ACKNOWLEDGED, "Ann")
    assert decided.record is not None
    again = acknowledge(CARD, decided.record, record.generation, "ack-1", "Ann", NOW + timedelta(seconds=9))
    assert (again.record, again.changed_at, again.acknowledged_by) == (None, decided.changed_at, "Ann")
    with pytest.raises(AcknowledgmentError, match="Ann has acknowledged it already"):
        acknowledge(CARD, decided.record, record.generation, "ack-2", "Bob", NOW)
    fires = decide(CARD, decided.record, report(FIRING, "b"), NOW + timedelta(seconds=10))
    assert fires is not None
    assert (fires.status, fires.acknowledged_by) == (ACKNOWLEDGED, "Ann")
    ended = decide(CARD, fires.record, report(RESOLVED, "c"), NOW + timedelta(seconds=11))
    assert ended is not None
    assert ended.acknowledged_by == "Ann"
    with pytest.raises(AcknowledgmentError, match="it is resolved"):
        acknowledge(CARD, ended.record, record.generation, "ack-3", "Bob", NOW)
    begun = decide(CARD, ended.record, report(FIRING, "d"), NOW + timedelta(seconds=12))
    assert begun is not None
    assert (begun.status, begun.acknowledged_by) == (FIRING, None)
    with pytest.raises(AcknowledgmentError, match="is over"):
        acknowledge(CARD, begun.record, record.generation, "ack-4", "Bob", NOW)


def test_a_repeated_report_is_the_same_card_and_changes_nothing() -> None:
    record, (first, again) = stored(report(FIRING, "a"), report(FIRING, "a"))
    assert first is not None
    assert again is not None
    assert again.record is None
    assert (again.generation, again.changed_at) == (first.generation, first.changed_at)
    assert len(record.reports) == 1


def test_an_alert_that_fires_again_with_the_same_start_is_not_lost() -> None:
    _, made = stored(
        report(FIRING, "a", since=0), report(RESOLVED, "b", since=0), report(FIRING, "a", since=0)
    )
    assert made[2] is not None
    assert made[0] is not None
    assert made[2].generation == made[0].generation + 1


def test_a_named_delivery_counts_once_whatever_came_in_between() -> None:
    first, second = report(FIRING, "a", named=True), report(RESOLVED, "b", named=True)
    record, made = stored(first, second, first)
    assert made[2] is not None
    assert made[0] is not None
    assert (made[2].record, made[2].changed_at) == (None, made[0].changed_at)
    assert record.status is RESOLVED


def test_the_late_end_of_something_that_has_begun_again_is_left_out() -> None:
    record, made = stored(
        report(FIRING, "a", since=0),
        report(RESOLVED, "b", since=0),
        report(FIRING, "c", since=60),
        report(RESOLVED, "late", since=0),
    )
    assert made[3] is None
    assert record.status is FIRING


def test_a_card_without_a_record_does_not_continue_an_old_message() -> None:
    first = decide(CARD, None, report(FIRING, "a"), NOW)
    later = decide(CARD, None, report(FIRING, "b"), NOW + timedelta(days=100))
    assert first is not None
    assert later is not None
    assert later.generation > first.generation
    assert later.record is not None
    assert first.record is not None
    assert later.record.message_id != first.record.message_id


statuses = st.sampled_from(list(CardStatus))


class Senders(RuleBasedStateMachine):
    """Reports in any order, repeated at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.record: CardRecord | None = None
        self.made: dict[str, Decision] = {}
        self.now = NOW
        self.last: Report | None = None

    def _apply(self, one: Report) -> Decision | None:
        before = self.record
        decision = decide(CARD, before, one, self.now)
        if decision is not None and decision.record is not None:
            if before is not None:
                assert decision.changed_at > before.changed_at
                assert decision.generation in {before.generation, before.generation + 1}
            self.record = decision.record
            self.last = one
        return decision

    @rule(
        status=statuses, named=st.booleans(), since=st.none() | st.integers(0, 100), back=st.integers(-5, 60)
    )
    def sends(self, status: CardStatus, named: bool, since: int | None, back: int) -> None:
        self.now += timedelta(milliseconds=back)
        name = f"d{len(self.made)}"
        decision = self._apply(report(status, name, named=named, since=since))
        if decision is not None:
            self.made[name] = decision

    @rule()
    def repeats_the_last(self) -> None:
        if self.last is None:
            return
        before = self.record
        decision = self._apply(self.last)
        assert self.record == before
        assert decision is not None
        assert (decision.generation, decision.changed_at) == (
            self.made[self.last.delivery].generation,
            self.made[self.last.delivery].changed_at,
        )

    @invariant()
    def remembers_some(self) -> None:
        assert self.record is None or 1 <= len(self.record.reports) <= REMEMBERED_MAX


TestSenders = Senders.TestCase


@given(st.lists(st.tuples(statuses, st.sampled_from("abcd")), min_size=1, max_size=12))
def test_a_named_delivery_never_makes_two_changes(reports: list[tuple[CardStatus, str]]) -> None:
    record, _ = stored(*(report(status, name, named=True) for status, name in reports))
    assert len(record.reports) == len({name for _, name in reports})
