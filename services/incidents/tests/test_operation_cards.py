"""The cards of commands."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.incidents.cards import CARD_TITLE_MAX, CardStatus
from opsroom_contracts.incidents.plans import CommandPlan, PlannedStep, StepResult
from opsroom_incidents.domain.operation_cards import (
    Standing,
    distance,
    first_standings,
    has_ended,
    operation_card,
)

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
PENDING, DONE = OperationStatus.PENDING, OperationStatus.DONE
CANCELLED, FAILED = OperationStatus.CANCELLED, OperationStatus.FAILED
AWAITING, DENIED = OperationStatus.AWAITING_APPROVAL, OperationStatus.DENIED
EXPIRED = OperationStatus.EXPIRED


def standings(*statuses: OperationStatus) -> list[Standing]:
    """Return operations with these statuses."""
    return [Standing(status, AT) for status in statuses]


def plan(accepted: int, refused: int = 0, awaiting: int = 0) -> CommandPlan:
    """Return the plan of a command for ``web-0``, ``web-1`` and so on. The first ones may await approval."""
    results = [
        StepResult(instance_id=f"i{n}", due_at=AT + timedelta(seconds=n), is_awaiting=n < awaiting or None)
        for n in range(accepted)
    ]
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
        (0, [AWAITING, DONE], CardStatus.RUNNING),
        (0, [DENIED, DONE], CardStatus.FAILED),
        (0, [EXPIRED, CANCELLED], CardStatus.FAILED),
    ],
)
def test_the_status_is_that_of_all_operations(
    refused: int, statuses: list[OperationStatus], status: CardStatus
) -> None:
    card = operation_card(plan(2, refused), standings(*statuses), AT)
    assert card.status is status
    assert has_ended(standings(*statuses)) is (status is not CardStatus.RUNNING)
    assert bool(card.actions) is (status is CardStatus.RUNNING)
    assert ("`web-2`: is protected" in card.text) is (refused > 0)
    assert (card.title, card.key, card.operation) == ("stop web-0, web-1", "m", None)
    assert card.instances == ("i0", "i1")


def test_a_card_of_one_operation_names_it_and_one_of_many_fits() -> None:
    assert operation_card(plan(1), standings(PENDING), AT).operation == "o0"
    many = operation_card(plan(100), standings(*[PENDING] * 100), AT)
    assert len(many.title) <= CARD_TITLE_MAX
    assert many.instances is not None
    assert len(many.instances) == 50
    assert many.actions == ()


def test_a_card_begins_as_awaiting_and_its_buttons_name_the_operation() -> None:
    card = operation_card(plan(1, awaiting=1), first_standings(plan(1, awaiting=1)), AT)
    assert card.status is CardStatus.RUNNING
    assert card.text == "Awaits approval until 12:00:00 UTC."
    assert [one.command for one in card.actions] == ["/approve o0", "/deny o0", "/undo web-0"]


def test_the_buttons_of_several_operations_name_their_command() -> None:
    card = operation_card(plan(3, awaiting=2), first_standings(plan(3, awaiting=2)), AT)
    assert card.text.splitlines() == [
        "Awaits approval (web-0, web-1) until 12:00:01 UTC.",
        "Done at 12:00:02 UTC unless somebody undoes it.",
    ]
    assert [one.command for one in card.actions] == ["/approve m", "/deny m", "/undo web-0 web-1 web-2"]


def test_a_reason_with_control_characters_is_shown_on_one_line() -> None:
    failed = Standing(FAILED, AT, reason="\x1b[31mno space\nleft")
    assert operation_card(plan(1), [failed], AT).text == "`web-0`: failed: \\x1b[31mno space\\nleft"


def test_an_approved_operation_counts_down_and_a_denied_one_says_why() -> None:
    waits = plan(1, awaiting=1)
    approved = operation_card(waits, [Standing(PENDING, AT + timedelta(seconds=10), ("Bob",))], AT)
    assert approved.text.splitlines() == [
        "Done at 12:00:10 UTC unless somebody undoes it.",
        "Approved by Bob.",
    ]
    assert [one.command for one in approved.actions] == ["/undo web-0"]
    denied = operation_card(waits, [Standing(DENIED, AT, reason="not now")], AT)
    assert (denied.status, denied.text, denied.actions) == (CardStatus.FAILED, "`web-0`: denied: not now", ())
    expired = operation_card(waits, [Standing(EXPIRED, AT)], AT)
    assert (expired.status, expired.text) == (CardStatus.FAILED, "`web-0`: nobody approved it in time")


@given(st.lists(st.sampled_from(["vote", "decide", "end"]), max_size=12), st.integers(-5, 5))
def test_a_later_state_has_a_later_time_whatever_the_clock_says(steps: list[str], skew: int) -> None:
    waits = plan(2, awaiting=2)
    votes, statuses = [0, 0], [AWAITING, AWAITING]
    before = first_standings(waits)
    at = operation_card(waits, before, AT).changed_at
    for number, step in enumerate(steps):
        place = number % 2
        if step == "vote" and statuses[place] is AWAITING:
            votes[place] += 1
        elif step == "decide" and statuses[place] is AWAITING:
            statuses[place] = PENDING
        elif step == "end" and statuses[place] is PENDING:
            statuses[place] = DONE
        now = [
            Standing(status, AT, tuple(f"p{n}" for n in range(count)))
            for status, count in zip(statuses, votes, strict=True)
        ]
        changed_at = operation_card(waits, now, AT + timedelta(seconds=skew)).changed_at
        assert changed_at >= at
        if distance(now) > distance(before) or has_ended(now) > has_ended(before):
            assert changed_at > at
        before, at = now, changed_at
