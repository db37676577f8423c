"""Rules of cards with a key: which report is new, and where its card goes."""

from dataclasses import dataclass
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
    """

    status: CardStatus
    delivery: str
    named: bool
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a report. ``record``: what to store first; None: a report before has stored it."""

    generation: int
    changed_at: datetime
    status: CardStatus
    record: CardRecord | None = None


def decide(card: CardId, known: CardRecord | None, report: Report, now: datetime) -> Decision | None:
    """Return what becomes of a report; None if it is older than what is known.

    What begins again after it was over is another generation, whose message is at the end of the room. What
    somebody has acknowledged stays so until it is over.
    """
    repeated = None if known is None else _repeated(known, report)
    if known is not None and repeated is not None:
        is_last = repeated.changed_at == known.changed_at
        status = known.status if is_last else report.status
        return Decision(repeated.generation, repeated.changed_at, status)
    if known is not None and _is_late(known, report):
        return None
    changed_at, status = to_milliseconds(now), report.status
    generation = _first_generation(changed_at)
    if known is not None:
        changed_at = max(changed_at, known.changed_at + _TICK)
        begins = known.status in _OVER and status in _BEGUN
        generation = known.generation + begins
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
    )
    return Decision(generation, changed_at, status, record)


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
