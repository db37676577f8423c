"""The cards of commands."""

from datetime import UTC, datetime, timedelta

import pytest

from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.incidents.cards import CARD_TITLE_MAX, CardStatus
from opsroom_contracts.incidents.plans import CommandPlan, PlannedStep, StepResult
from opsroom_incidents.domain.operation_cards import has_ended, operation_card

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
PENDING, DONE = OperationStatus.PENDING, OperationStatus.DONE
CANCELLED, FAILED = OperationStatus.CANCELLED, OperationStatus.FAILED


def plan(accepted: int, refused: int = 0) -> CommandPlan:
    """Return the plan of a command for ``web-0``, ``web-1`` and so on."""
    results = [StepResult(instance_id=f"i{n}", due_at=AT + timedelta(seconds=n)) for n in range(accepted)]
    results += [StepResult(code=ErrorCode.PROTECTED, message="is protected")] * refused
    return CommandPlan(
        message_id="m",
        room="general",
        name="stop",
        identity="user:a",
        said_at=AT,
        steps=tuple(PlannedStep(name=f"web-{n}", operation=f"o{n}") for n in range(len(results))),
        results=tuple(results),
    )


@pytest.mark.parametrize(
    ("refused", "statuses", "status"),
    [
        (0, [PENDING, DONE], CardStatus.RUNNING),
        (0, [DONE, DONE], CardStatus.SUCCEEDED),
        (0, [DONE, CANCELLED], CardStatus.SUCCEEDED),
        (0, [DONE, FAILED], CardStatus.FAILED),
        (1, [DONE, DONE], CardStatus.FAILED),
        (1, [PENDING, DONE], CardStatus.RUNNING),
        (0, [CANCELLED, CANCELLED], CardStatus.INFO),
    ],
)
def test_the_status_is_that_of_all_operations(
    refused: int, statuses: list[OperationStatus], status: CardStatus
) -> None:
    card = operation_card(plan(2, refused), statuses, AT)
    assert card.status is status
    assert has_ended(statuses) is (status is not CardStatus.RUNNING)
    assert bool(card.actions) is (status is CardStatus.RUNNING)
    assert ("`web-2`: is protected" in card.text) is (refused > 0)
    assert (card.title, card.key, card.operation) == ("stop web-0, web-1", "m", None)
    assert card.instances == ("i0", "i1")


def test_a_card_of_one_operation_names_it_and_one_of_many_fits() -> None:
    assert operation_card(plan(1), [PENDING], AT).operation == "o0"
    many = operation_card(plan(100), [PENDING] * 100, AT)
    assert len(many.title) <= CARD_TITLE_MAX
    assert many.instances is not None
    assert len(many.instances) == 50
    assert many.actions == ()
