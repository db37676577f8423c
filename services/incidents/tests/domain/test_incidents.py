"""What becomes of an incident. Rules without a broker."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opsroom_contracts.chat.models import Message, User
from opsroom_contracts.errors import FaultError
from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.incidents import (
    CARD_CHANGES_MAX,
    CHANGES_MAX,
    IncidentAction,
    IncidentChangeKind,
    IncidentRecord,
    IncidentStatus,
)
from opsroom_incidents.domain.incidents import (
    Asked,
    announcement,
    card_changed,
    card_of,
    changed,
    made_by,
    new_card,
    opened,
    request_digest,
    title_of,
    view_of,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
OPEN, ACKNOWLEDGED, CLOSED = IncidentStatus.OPEN, IncidentStatus.ACKNOWLEDGED, IncidentStatus.CLOSED
PEOPLE = ("ann", "bob")


def asked(by: str, key: str, seconds: float = 0) -> Asked:
    return Asked(by, request_digest(by, key), NOW + timedelta(seconds=seconds), User(id=by, name=by))


def new(card: CardStatus | None = None) -> IncidentRecord:
    return opened("m1", "general", asked("ann", "open"), card)


def after(record: IncidentRecord, action: IncidentAction, key: str, by: str = "ann") -> IncidentRecord:
    made = changed(record, action, asked(by, key, 60))
    assert made is not None
    return made


def test_who_takes_the_lead_acknowledges_it() -> None:
    led = after(new(), IncidentAction.LEAD, "a", "bob")
    assert (led.status, led.lead) == (ACKNOWLEDGED, User(id="bob", name="bob"))
    assert changed(led, IncidentAction.LEAD, asked("bob", "b")) is None, "it is so already"
    assert after(led, IncidentAction.LEAD, "c", "ann").lead == User(id="ann", name="ann")


@pytest.mark.parametrize(("lead", "status"), [(True, ACKNOWLEDGED), (False, OPEN)])
def test_a_reopened_incident_is_as_it_was(lead: bool, status: IncidentStatus) -> None:
    record = after(new(), IncidentAction.LEAD, "lead") if lead else new()
    closed = after(record, IncidentAction.CLOSE, "a")
    assert closed.status is CLOSED
    with pytest.raises(FaultError, match="reopen it first"):
        changed(closed, IncidentAction.LEAD, asked("bob", "x"))
    assert changed(closed, IncidentAction.ACKNOWLEDGE, asked("bob", "x")) is None
    again = after(closed, IncidentAction.REOPEN, "b")
    assert (again.status, again.lead) == (status, record.lead)


def test_an_alert_that_somebody_acknowledges_is_dealt_with_and_none_closes_itself() -> None:
    seen = card_changed(new(CardStatus.FIRING), CardStatus.ACKNOWLEDGED, "bob", NOW + timedelta(seconds=5))
    assert seen is not None
    assert (seen.status, seen.changes[-1].card_status) == (ACKNOWLEDGED, CardStatus.ACKNOWLEDGED)
    over = card_changed(seen, CardStatus.RESOLVED, "alerts", NOW + timedelta(seconds=9))
    assert over is not None
    assert (over.status, over.card) == (ACKNOWLEDGED, CardStatus.RESOLVED)
    assert card_changed(over, CardStatus.RESOLVED, "alerts", NOW + timedelta(seconds=10)) is None
    assert card_changed(over, CardStatus.ACKNOWLEDGED, "bob", NOW + timedelta(seconds=5)) is None, "repeated"
    assert opened("m", "general", asked("a", "k"), CardStatus.ACKNOWLEDGED).status is ACKNOWLEDGED


def test_a_flapping_alert_leaves_room_for_people() -> None:
    record = new(CardStatus.FIRING)
    for number in range(CHANGES_MAX):
        status = CardStatus.RESOLVED if number % 2 == 0 else CardStatus.FIRING
        made = card_changed(record, status, "alerts", NOW + timedelta(seconds=number + 1))
        assert made is not None
        record = made
    assert len(record.changes) == CARD_CHANGES_MAX + 1
    for number in range(CHANGES_MAX + 10):
        action = IncidentAction.REOPEN if record.status is CLOSED else IncidentAction.CLOSE
        if len(record.changes) == CHANGES_MAX and not any(
            one.kind is IncidentChangeKind.CARD for one in record.changes
        ):
            with pytest.raises(FaultError, match="open another one"):
                changed(record, action, asked("ann", f"k{number}"))
            return
        record = after(record, action, f"k{number}")
        assert record.changes[0].kind is IncidentChangeKind.OPENED
    raise AssertionError("it never was full")


def test_the_card_of_an_incident_shows_its_status_and_lead() -> None:
    card = new_card("c1", "Checkout is slow", NOW)
    led = after(new(), IncidentAction.LEAD, "a", "bob")
    shown = card_of(card, led)
    assert shown is not None
    assert (shown.status, [field.value for field in shown.fields]) == (CardStatus.ACKNOWLEDGED, ["bob"])
    assert shown.changed_at > card.changed_at
    assert card_of(card.model_copy(update={"source": "alertmanager"}), led) is None, "another program's"


def test_the_title_is_that_of_the_card_or_the_first_line() -> None:
    def message(text: str, **more: object) -> Message:
        user = User(id="a", name="a")
        return Message(seq=1, id="m1", room="general", user=user, text=text, timestamp=NOW, **more)  # type: ignore[arg-type]

    assert title_of(message("\n  The site is down \nsince noon")) == "The site is down"
    assert title_of(message("x" * 4000, card=new_card("c", "Slow", NOW))) == "Slow"
    assert title_of(message("   ")) is None
    assert len(title_of(message("y" * 4000)) or "") == 200
    removed = view_of(new(), None)
    assert (removed.title, removed.seq, removed.replies) == (None, None, 0)


class Incident(RuleBasedStateMachine):
    """People and a monitor change an incident; requests are repeated at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.record = new(CardStatus.FIRING)
        self.time = 0.0
        self.made: dict[str, tuple[IncidentAction, Asked]] = {}

    @rule(action=st.sampled_from(IncidentAction), by=st.sampled_from(PEOPLE), step=st.floats(-5, 60))
    def act(self, action: IncidentAction, by: str, step: float) -> None:
        self.time += step
        request = asked(by, f"k{len(self.made)}", self.time)
        self.made[request.request] = (action, request)
        self._apply(action, request)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if not self.made:
            return
        action, request = self.made[data.draw(st.sampled_from(sorted(self.made)))]
        if made_by(self.record, request.request) is not None:
            before = self.record
            self._apply(action, request)
            assert self.record == before

    @rule(status=st.sampled_from(CardStatus), step=st.floats(0.001, 60))
    def report(self, status: CardStatus, step: float) -> None:
        self.time += step
        at = NOW + timedelta(seconds=self.time)
        made = card_changed(self.record, status, "alerts", at)
        self.record = made or self.record
        assert self.record.card is status or made is None
        assert card_changed(self.record, status, "alerts", at) is None

    def _apply(self, action: IncidentAction, request: Asked) -> None:
        if made_by(self.record, request.request) is not None:
            return
        try:
            made = changed(self.record, action, request)
        except FaultError:
            assert self.record.status is CLOSED or len(self.record.changes) == CHANGES_MAX
            return
        if made is not None:
            assert (made.status, made.lead) != (self.record.status, self.record.lead)
            assert announcement(made.changes[-1])
            self.record = made

    @invariant()
    def it_is_told_once_and_in_order(self) -> None:
        numbers = [one.number for one in self.record.changes]
        assert numbers == sorted(set(numbers))
        times = [one.at for one in self.record.changes]
        assert times == sorted(set(times))
        assert len({one.request for one in self.record.changes}) == len(numbers)
        assert self.record.changes[0].kind is IncidentChangeKind.OPENED

    @invariant()
    def who_leads_an_open_incident_has_acknowledged_it(self) -> None:
        if self.record.lead is not None:
            assert self.record.status is not OPEN


TestIncident = Incident.TestCase
