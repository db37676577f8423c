"""Rules of cards with a key: which report is new, and where its card goes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts.incidents.cards import CardStatus, card_message_id
from opsroom_contracts.incidents.hooks import REMEMBERED_MAX, CardRecord, RememberedReport
from opsroom_contracts.serialization.model import to_milliseconds

_OVER: Final = frozenset({CardStatus.RESOLVED, CardStatus.SUCCEEDED, CardStatus.FAILED, CardStatus.INFO})
_BEGUN: Final = frozenset({CardStatus.FIRING, CardStatus.RUNNING})
_TICK: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class CardId:
    """What a card is about."""

    room: str
    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a source says about it.

    ``delivery``: a digest of what retries of the report have in common. ``named``: the sender names each
    delivery, so that a report with the same name is a retry whatever came in between. Otherwise the digest
    follows from what is reported, and only the last report can be repeated: the same alert may fire again.
    ``acknowledged_by``: the name of the person whose report it is, who acknowledges.
    """

    status: CardStatus
    delivery: str
    named: bool
    starts_at: datetime | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a report. ``record``: what to store first; None: a report before has stored it.

    ``before``: the status before it, if there is a card.
    """

    generation: int
    changed_at: datetime
    status: CardStatus
    record: CardRecord | None = None
    acknowledged_by: str | None = None
    before: CardStatus | None = None


class AcknowledgmentError(Exception):
    """Somebody can't acknowledge an alert; the message says why."""


def decide(card: CardId, known: CardRecord | None, report: Report, now: datetime) -> Decision | None:
    """Return what becomes of a report; None if it is older than what is known.

    What begins again after it was over is another generation, whose message is at the end of the room. What
    somebody has acknowledged stays so until it is over.
    """
    repeated = None if known is None else _repeated(known, report)
    if known is not None and repeated is not None:
        is_last = repeated.changed_at == known.changed_at
        status = known.status if is_last else report.status
        by = known.acknowledged_by if repeated.generation == known.generation else None
        return Decision(repeated.generation, repeated.changed_at, status, None, by, known.status)
    if known is not None and _is_late(known, report):
        return None
    changed_at, status = to_milliseconds(now), report.status
    generation = _first_generation(changed_at)
    by = report.acknowledged_by
    if known is not None:
        changed_at = max(changed_at, known.changed_at + _TICK)
        begins = known.status in _OVER and status in _BEGUN
        generation = known.generation + begins
        by = by or (None if begins else known.acknowledged_by)
        if known.status is CardStatus.ACKNOWLEDGED and status is CardStatus.FIRING:
            status = CardStatus.ACKNOWLEDGED
    reports = () if known is None else known.reports
    made = RememberedReport(digest=report.delivery, generation=generation, changed_at=changed_at)
    record = CardRecord(
        room=card.room,
        generation=generation,
        message_id=card_message_id(card.room, card.source, card.key, generation),
        status=status,
        changed_at=changed_at,
        starts_at=report.starts_at,
        reports=(*reports, made)[-REMEMBERED_MAX:],
        acknowledged_by=by,
        firing_since=_firing_since(known, generation, status, changed_at),
    )
    return Decision(generation, changed_at, status, record, by, None if known is None else known.status)


def acknowledge(
    card: CardId, known: CardRecord | None, generation: int, delivery: str, by: str, now: datetime
) -> Decision:
    """Return what becomes of an alert of ``generation`` that a person acknowledges, with the name ``by``.

    Raises:
        AcknowledgmentError: it is not firing, or somebody has acknowledged it already.
    """
    if known is None or known.generation != generation:
        raise AcknowledgmentError("this alert is over; it may have begun again in another message.")
    report = Report(CardStatus.ACKNOWLEDGED, delivery, named=True, acknowledged_by=by)
    if _repeated(known, report) is None:
        if known.status is CardStatus.ACKNOWLEDGED:
            raise AcknowledgmentError(f"{known.acknowledged_by or 'somebody'} has acknowledged it already.")
        if known.status is not CardStatus.FIRING:
            raise AcknowledgmentError(f"the alert does not fire; it is {known.status.value}.")
        report = replace(report, starts_at=known.starts_at)
    decision = decide(card, known, report, now)
    if decision is None:
        raise AssertionError("only the end of an alert is late")
    return decision


def _firing_since(
    known: CardRecord | None, generation: int, status: CardStatus, changed_at: datetime
) -> datetime | None:
    if status is not CardStatus.FIRING:
        return None
    if known is not None and known.generation == generation and known.status is CardStatus.FIRING:
        return known.firing_since
    return changed_at


def _repeated(known: CardRecord, report: Report) -> RememberedReport | None:
    candidates = known.reports if report.named else known.reports[-1:]
    return next((one for one in reversed(candidates) if one.digest == report.delivery), None)


def _is_late(known: CardRecord, report: Report) -> bool:
    """Whether a source says the end of something that has begun again since."""
    if report.status is not CardStatus.RESOLVED or report.starts_at is None or known.starts_at is None:
        return False
    return report.starts_at < known.starts_at


def _first_generation(now: datetime) -> int:
    """Return the generation of a card without a record: the minute.

    Records expire before messages do. So what begins again long after is not written into an old message.
    """
    return int(now.timestamp()) // 60
