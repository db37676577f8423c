"""The cards of commands: what was accepted, and what came of it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from opsroom_contracts.cloud.models import Instance, OperationStatus
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
from opsroom_contracts.text import clip
from opsroom_incidents.domain.results import name_of_step, refusals, servers_text

SOURCE: Final = "opsroom"
_UNFINISHED: Final = frozenset({"pending", "awaiting_approval"})
_GOOD: Final = frozenset({OperationStatus.DONE, OperationStatus.CANCELLED})


def has_ended(statuses: Iterable[OperationStatus]) -> bool:
    """Return whether nothing will change any more."""
    return all(status.value not in _UNFINISHED for status in statuses)


def operation_card(plan: CommandPlan, statuses: Sequence[OperationStatus], at: datetime) -> Card:
    """Return the card of a command that was accepted for at least one server.

    ``statuses``: those of the accepted operations, in their order. ``at``: when they were so.
    """
    places, results = plan.accepted(), plan.results or ()
    names = [name_of_step(plan, place) for place in places]
    status = _status(plan, statuses)
    lines = [*_due_line(plan, status), *refusals(plan)]
    return Card(
        kind=CardKind.OPERATION,
        key=plan.message_id,
        source=SOURCE,
        status=status,
        title=clip(f"{plan.name} {', '.join(names)}", CARD_TITLE_MAX),
        text=clip("\n".join(lines), CARD_TEXT_MAX),
        actions=_actions(names) if status is CardStatus.RUNNING else (),
        instances=tuple(found for place in places if (found := results[place].instance_id) is not None)[
            :CARD_INSTANCES_MAX
        ],
        operation=plan.steps[places[0]].operation if len(places) == 1 else None,
        changed_at=at,
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


def _status(plan: CommandPlan, statuses: Sequence[OperationStatus]) -> CardStatus:
    if not has_ended(statuses):
        return CardStatus.RUNNING
    if not _GOOD.issuperset(statuses) or len(plan.accepted()) < len(plan.steps):
        return CardStatus.FAILED
    return CardStatus.SUCCEEDED if OperationStatus.DONE in statuses else CardStatus.INFO


def _due_line(plan: CommandPlan, status: CardStatus) -> tuple[str, ...]:
    dues = [due for result in plan.results or () if (due := result.due_at) is not None]
    if status is CardStatus.INFO:
        return ("Undone.",)
    if status is not CardStatus.RUNNING or not dues:
        return ()
    return (f"Done at {max(dues):%H:%M:%S} UTC unless somebody undoes it.",)


def _actions(names: Sequence[str]) -> tuple[CardAction, ...]:
    command = f"/undo {' '.join(names)}"
    return (CardAction(label="Undo", command=command),) if len(command) <= CARD_COMMAND_MAX else ()
