"""Steps of an alert that nobody acknowledges."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.escalations import EscalationRecord
from opsroom_contracts.incidents.hooks import CardRecord
from opsroom_contracts.incidents.on_call import Rota, RotaRecord
from opsroom_incidents.domain.escalation import (
    Step,
    after,
    begins_to_fire,
    begun,
    called,
    next_step,
    postponed,
    step_key,
    still_fires,
)
from opsroom_incidents.domain.on_call import Duty

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEBHOOK = "a" * 16


def rota(webhook: str | None = None) -> Rota:
    return Rota(
        name="Ops",
        room="ops",
        people=("ann", "bob"),
        weekday=0,
        time="09:00",
        zone="UTC",
        minutes=5,
        webhook=webhook,
    )


def card(
    status: CardStatus = CardStatus.FIRING, generation: int = 7, message_id: str = "card-1"
) -> CardRecord:
    return CardRecord(
        room="ops",
        generation=generation,
        message_id=message_id,
        status=status,
        changed_at=NOW,
        firing_since=NOW if status is CardStatus.FIRING else None,
    )


def escalation(
    of: Rota | None = None, about: CardRecord | None = None, rota_id: str = "r" * 16
) -> EscalationRecord:
    record = RotaRecord(
        id=rota_id, rota=of or rota(), anchor=date(2026, 11, 30), changed_at=NOW, changed_by="root"
    )
    return begun(about or card(), "digest", record, MINUTE)


def run(of: Rota, late: timedelta = timedelta()) -> list[tuple[Step, timedelta]]:
    """Return all steps, each ``late`` after it is due, and how long after the alert each is done."""
    record, done = escalation(of), list[tuple[Step, timedelta]]()
    while record.next_at is not None and (step := next_step(record, of)) is not None:
        moment = record.next_at + late
        done.append((step, moment - NOW))
        record = after(record, step, of, None, moment, MINUTE)
    assert record.steps == len(done)
    assert (record.webhook is None) == (Step.WEBHOOK not in dict(done))
    return done


def test_each_step_is_the_minutes_after_the_one_before() -> None:
    assert run(rota()) == [(Step.ON_DUTY, 5 * MINUTE), (Step.FOLLOWING, 10 * MINUTE)]
    assert run(rota(WEBHOOK))[2:] == [(Step.WEBHOOK, 15 * MINUTE)]


def test_after_an_outage_everybody_has_their_time() -> None:
    assert [at for _, at in run(rota(WEBHOOK), late=60 * MINUTE)] == [65 * MINUTE, 130 * MINUTE, 195 * MINUTE]


def test_an_alert_without_a_message_waits_for_a_day() -> None:
    later = postponed(escalation(), rota(), NOW + 6 * MINUTE, MINUTE)
    assert (later.steps, later.next_at) == (0, NOW + 11 * MINUTE)
    assert postponed(escalation(), rota(), NOW + 1441 * MINUTE, MINUTE).next_at is None


@pytest.mark.parametrize("status", CardStatus)
def test_only_an_alert_that_fires_goes_further(status: CardStatus) -> None:
    assert still_fires(escalation(), card(status)) == (status is CardStatus.FIRING)
    assert begins_to_fire(card(status)) == (status is CardStatus.FIRING)


def test_another_generation_or_message_ends_the_steps() -> None:
    assert not still_fires(escalation(), None)
    assert not still_fires(escalation(), card(generation=8))
    assert not still_fires(escalation(), card(message_id="card-2"))


def test_who_is_called() -> None:
    first, duty, alone = escalation(), Duty("ann", "bob", NOW), Duty("ann", None, NOW)
    second = after(first, Step.ON_DUTY, rota(), "ann", NOW, MINUTE)
    assert called(first, Step.ON_DUTY, duty) == "ann"
    assert called(second, Step.FOLLOWING, duty) == "bob"
    assert called(second, Step.FOLLOWING, alone) is None
    assert called(second, Step.FOLLOWING, Duty("bob", "ann", NOW)) == "bob", "the shift has changed"
    assert called(second, Step.WEBHOOK, duty) is None


def test_each_step_of_each_message_generation_and_rota_has_its_key() -> None:
    records = [
        escalation(about=card(generation=generation, message_id=message), rota_id=of * 16)
        for message, generation, of in product(("m1", "m2"), (1, 2), "ab")
    ]
    keys = [step_key(record, step) for record, step in product(records, Step)]
    assert len(set(keys)) == len(keys)
    assert step_key(escalation(), Step.ON_DUTY) == step_key(escalation(rota(WEBHOOK)), Step.ON_DUTY)
