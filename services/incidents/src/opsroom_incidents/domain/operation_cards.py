"""The cards of commands: what was accepted, and what came of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from opsroom_contracts.cloud.approvals import NEED_MAX
from opsroom_contracts.cloud.models import UNFINISHED, Instance, Operation, OperationStatus
from opsroom_contracts.incidents.cards import (
    CARD_COMMAND_MAX,
    CARD_INSTANCES_MAX,
    CARD_TEXT_MAX,
    CARD_TITLE_MAX,
    Card,
    CardAction,
    CardKind,
    CardStatus,
)
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_contracts.text import clip, visible
from opsroom_incidents.domain.results import name_of_step, refusals, servers_text

SOURCE: Final = "opsroom"
_AWAITING: Final = OperationStatus.AWAITING_APPROVAL
_GOOD: Final = frozenset({OperationStatus.DONE, OperationStatus.CANCELLED})
_DECIDED: Final = NEED_MAX + 1
"""How far an operation is that awaits nothing any more. Before, it is as far as it has approvals."""
_TICK: Final = timedelta(milliseconds=1)
_LONG: Final = timedelta(hours=12)
"""A wait that ends later is shown with its day."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an operation of a command is now.

    ``due_at``: when it is done, or until when it awaits approval. ``reason``: why it failed or was denied.
    """

    status: OperationStatus
    due_at: datetime | None = None
    approved_by: tuple[str, ...] = ()
    reason: str | None = None


def standing_of(operation: Operation | None) -> Standing:
    """Return how an operation is. None: it is so old that the cloud service has forgotten it."""
    if operation is None:
        return Standing(OperationStatus.DONE)
    approval = operation.approval
    return Standing(
        operation.status,
        operation.due_at,
        () if approval is None else approval.approved_by,
        operation.reason,
    )


def first_standings(plan: CommandPlan) -> list[Standing]:
    """Return how the accepted operations were when they were accepted."""
    results = plan.results or ()
    return [
        Standing(_AWAITING if results[place].is_awaiting else OperationStatus.PENDING, results[place].due_at)
        for place in plan.accepted()
    ]


def has_ended(standings: Iterable[Standing]) -> bool:
    """Return whether nothing will change any more."""
    return all(one.status not in UNFINISHED for one in standings)


def distance(standings: Iterable[Standing]) -> int:
    """Return how far the approvals of a command are: it ascends with each vote and each decision."""
    return sum(len(one.approved_by) if one.status is _AWAITING else _DECIDED for one in standings)


def operation_card(plan: CommandPlan, standings: Sequence[Standing], now: datetime) -> Card:
    """Return the card of a command that was accepted for at least one server.

    ``standings``: those of the accepted operations, in their order.

    Several processes update the card, and each may have looked at another moment. So the time of a change
    before the end follows from how far the operations are: what a slow process has seen never replaces what
    came after it.
    """
    places, results = plan.accepted(), plan.results or ()
    names = [name_of_step(plan, place) for place in places]
    status = _status(plan, standings)
    is_open = status is CardStatus.RUNNING
    lines = [*_lines(plan, names, standings, status), *refusals(plan)]
    return Card(
        kind=CardKind.OPERATION,
        key=plan.message_id,
        source=SOURCE,
        status=status,
        title=clip(f"{plan.name} {', '.join(names)}", CARD_TITLE_MAX),
        text=clip("\n".join(lines), CARD_TEXT_MAX),
        actions=tuple(_actions(plan, names, standings)) if is_open else (),
        instances=tuple(found for place in places if (found := results[place].instance_id) is not None)[
            :CARD_INSTANCES_MAX
        ],
        operation=plan.steps[places[0]].operation if len(places) == 1 else None,
        changed_at=_changed_at(plan, standings, now),
    )


def servers_card(key: str, instances: Sequence[Instance], at: datetime) -> Card:
    """Return the card of ``/ps``."""
    count = f"{len(instances)} server{'' if len(instances) == 1 else 's'}"
    return Card(
        kind=CardKind.SERVERS,
        key=key,
        source=SOURCE,
        status=CardStatus.INFO,
        title=count,
        text=clip(servers_text(instances), CARD_TEXT_MAX),
        instances=tuple(one.id for one in instances[:CARD_INSTANCES_MAX]),
        changed_at=at,
    )


def _status(plan: CommandPlan, standings: Sequence[Standing]) -> CardStatus:
    if not has_ended(standings):
        return CardStatus.RUNNING
    statuses = {one.status for one in standings}
    if not _GOOD.issuperset(statuses) or len(plan.accepted()) < len(plan.steps):
        return CardStatus.FAILED
    return CardStatus.SUCCEEDED if OperationStatus.DONE in statuses else CardStatus.INFO


def _changed_at(plan: CommandPlan, standings: Sequence[Standing], now: datetime) -> datetime:
    if has_ended(standings):
        return max(now, plan.said_at + _TICK * _DECIDED * (len(standings) + 1))
    return plan.said_at + _TICK * (distance(standings) - distance(first_standings(plan)))


def _lines(
    plan: CommandPlan, names: Sequence[str], standings: Sequence[Standing], status: CardStatus
) -> list[str]:
    """Return what the card says about its operations."""
    if status is CardStatus.INFO:
        return ["Undone."]
    waiting = [(name, one) for name, one in zip(names, standings, strict=True) if one.status is _AWAITING]
    pending = [one.due_at for one in standings if one.status is OperationStatus.PENDING]
    lines = []
    if waiting:
        which = "" if len(waiting) == len(names) else f" ({', '.join(name for name, _ in waiting)})"
        lines.append(f"Awaits approval{which} until {_until(plan, [one.due_at for _, one in waiting])}.")
    dues = [due for due in pending if due is not None]
    if dues:
        lines.append(f"Done at {max(dues):%H:%M:%S} UTC unless somebody undoes it.")
    approvers = dict.fromkeys(name for one in standings for name in one.approved_by)
    if approvers:
        lines.append(f"Approved by {', '.join(approvers)}.")
    return lines + [
        f"`{name}`: {said}" for name, one in zip(names, standings, strict=True) if (said := _end(one))
    ]


def _until(plan: CommandPlan, dues: Sequence[datetime | None]) -> str:
    end = max((due for due in dues if due is not None), default=plan.said_at)
    form = "%H:%M:%S" if end - plan.said_at < _LONG else "%Y-%m-%d %H:%M"
    return f"{end:{form}} UTC"


def _end(standing: Standing) -> str:
    """Return how an operation ended, if not as it should have."""
    # A provider says what it likes, and a card has no control characters.
    reason = f": {visible(standing.reason)}" if standing.reason else ""
    match standing.status:
        case OperationStatus.DENIED:
            return f"denied{reason}"
        case OperationStatus.EXPIRED:
            return "nobody approved it in time"
        case OperationStatus.FAILED:
            return f"failed{reason}"
        case _:
            return ""


def _actions(plan: CommandPlan, names: Sequence[str], standings: Sequence[Standing]) -> Iterable[CardAction]:
    """Return the buttons. A decision names the operation, or all of a command, and not the server.

    A button that is pressed late must not decide about what somebody has asked for since.
    """
    if any(one.status is _AWAITING for one in standings):
        places = plan.accepted()
        target = plan.steps[places[0]].operation if len(places) == 1 else plan.message_id
        yield CardAction(label="Approve", command=f"/approve {target}")
        yield CardAction(label="Deny", command=f"/deny {target}")
    undo = f"/undo {' '.join(names)}"
    if len(undo) <= CARD_COMMAND_MAX:
        yield CardAction(label="Undo", command=undo)
