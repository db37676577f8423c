"""When an alert that nobody acknowledges goes one step further. Pure functions.

An escalation belongs to one message of a card, one generation and one rota. The id of a step follows from
these, so that doing a step again, in whatever process, stores the same message.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, assert_never

from opsroom_contracts.incidents.cards import CardStatus
from opsroom_contracts.incidents.escalations import EscalationRecord
from opsroom_contracts.incidents.hooks import CardRecord
from opsroom_contracts.incidents.on_call import Rota, RotaRecord
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_incidents.domain.on_call import Duty

_ID_CHARACTERS: Final = 32
_POSTPONED_MAX: Final = timedelta(days=1)


class Step(IntEnum):
    """How far an alert goes. Each is the rota's minutes after the one before."""

    ON_DUTY = 1
    """Who is on duty is mentioned in the thread of the card."""
    FOLLOWING = 2
    """The next person in the rota is mentioned."""
    WEBHOOK = 3
    """The webhook of the rota gets an event."""


def begins_to_fire(card: CardRecord) -> bool:
    """Return whether the last report about a card is that it fires, and did not before."""
    return card.firing_since is not None and card.firing_since == card.changed_at


def begun(card: CardRecord, digest: str, rota: RotaRecord, minute: timedelta) -> EscalationRecord:
    """Return the escalation of an alert that begins to fire. ``digest``: of the card's record."""
    since = card.firing_since or card.changed_at
    parts = json.dumps([card.message_id, card.generation, rota.id])
    made = hashlib.sha256(f"escalation/{parts}".encode()).digest()
    return EscalationRecord(
        id=base64.b32encode(made).decode().lower()[:_ID_CHARACTERS],
        room=card.room,
        card=digest,
        message_id=card.message_id,
        generation=card.generation,
        rota=rota.id,
        name=rota.rota.name,
        since=since,
        changed_at=since,
        next_at=to_milliseconds(since + minute * rota.rota.minutes),
    )


def still_fires(escalation: EscalationRecord, card: CardRecord | None) -> bool:
    """Return whether steps of an alert are still due.

    They are not once the alert is acknowledged or over, or has begun again in another message.
    """
    return (
        card is not None
        and card.status is CardStatus.FIRING
        and card.generation == escalation.generation
        and card.message_id == escalation.message_id
    )


def next_step(escalation: EscalationRecord, rota: Rota) -> Step | None:
    """Return the step that follows; None: the last one is done."""
    if escalation.steps >= (Step.FOLLOWING if rota.webhook is None else Step.WEBHOOK):
        return None
    return Step(escalation.steps + 1)


def called(escalation: EscalationRecord, step: Step, duty: Duty) -> str | None:
    """Return the person that a step calls; None: there is nobody else, or the step is the webhook's.

    If the shift has changed since the first step, who is on duty now has not been called.
    """
    match step:
        case Step.ON_DUTY | Step.FOLLOWING:
            people = (duty.person, duty.following)
            return next((one for one in people if one and one not in escalation.mentioned), None)
        case Step.WEBHOOK:
            return None
        case _:
            assert_never(step)


def after(
    escalation: EscalationRecord, step: Step, rota: Rota, person: str | None, now: datetime, minute: timedelta
) -> EscalationRecord:
    """Return the escalation after a step that has called ``person``.

    The time until the next one begins now: after an outage, the first person must have time to respond.
    """
    moment = to_milliseconds(now)
    done = escalation.model_copy(
        update={
            "steps": int(step),
            "changed_at": moment,
            "mentioned": escalation.mentioned if person is None else (*escalation.mentioned, person),
            "webhook": rota.webhook if step is Step.WEBHOOK else None,
        }
    )
    due = None if next_step(done, rota) is None else to_milliseconds(moment + minute * rota.minutes)
    return done.model_copy(update={"next_at": due})


def postponed(escalation: EscalationRecord, rota: Rota, now: datetime, minute: timedelta) -> EscalationRecord:
    """Return an escalation whose alert has no message (yet): its step is tried again, for a day.

    The record of a card is stored before its message. If a process dies in between, the sender repeats the
    report, and it may do so after the step was due.
    """
    moment = to_milliseconds(now)
    if moment - escalation.since > _POSTPONED_MAX:
        return ended(escalation, now)
    due = to_milliseconds(moment + minute * rota.minutes)
    return escalation.model_copy(update={"next_at": due, "changed_at": moment})


def ended(escalation: EscalationRecord, now: datetime) -> EscalationRecord:
    """Return an escalation whose alert no longer needs anybody."""
    return escalation.model_copy(update={"next_at": None, "changed_at": to_milliseconds(now)})


def step_key(escalation: EscalationRecord, step: Step) -> str:
    """Return the idempotency key of what a step says."""
    return f"escalation/{escalation.id}/{int(step)}"


def step_text(escalation: EscalationRecord, step: Step, person: str) -> str:
    """Return what a step says to ``person``, a name."""
    role = "on call" if step is Step.ON_DUTY else "next on call"
    since = f"{escalation.since:%H:%M} UTC"
    return f"@{person}, you are {role}: nobody has acknowledged this alert since {since}. Say `/ack` here."
