"""Faults of approvals."""

import random
from dataclasses import replace

from tests.faults.referee.mutation import Mutation
from tests.faults.verification.cloud_history import Decided, StoredEvent
from tests.faults.verification.history import History

OTHER = "op7"


def _approved(history: History, rng: random.Random) -> list[StoredEvent]:
    """The events of an operation that others approved; one is made up if there is none."""
    events = history.cloud.events
    found = [
        one.operation
        for one in events
        if one.type == "approved" and not one.alone and _of(history, one.operation)[0].type == "requested"
    ]
    if found:
        return _of(history, rng.choice(found))
    received = rng.choice([one for one in events if one.type == "received"])
    place = events.index(received)
    request = replace(received, type="requested", need=1, pending=received.operation, due=received.at + 60)
    events[place:place] = [request, replace(request, type="approved", actor="op4")]
    return _of(history, received.operation)


def _of(history: History, operation: str) -> list[StoredEvent]:
    return [one for one in history.cloud.events if one.operation == operation]


def _waiting(history: History, rng: random.Random) -> tuple[StoredEvent, StoredEvent]:
    """The request of an operation that was approved, and the event that received it."""
    events = _approved(history, rng)
    return events[0], next(one for one in events if one.type == "received")


def _replace_all(history: History, old: StoredEvent, *new: StoredEvent) -> None:
    place = history.cloud.events.index(old)
    history.cloud.events[place : place + 1] = new


def it_goes_on_without_an_approval(history: History, rng: random.Random) -> None:
    vote = next(one for one in _approved(history, rng) if one.type == "approved")
    history.cloud.events.remove(vote)


def its_author_approves_it(history: History, rng: random.Random) -> None:
    events = _approved(history, rng)
    vote = next(one for one in events if one.type == "approved")
    _replace_all(history, vote, replace(vote, actor=events[0].actor))


def one_person_approves_twice(history: History, rng: random.Random) -> None:
    vote = next(one for one in _approved(history, rng) if one.type == "approved")
    _replace_all(history, vote, vote, vote)


def it_is_denied_and_executed(history: History, rng: random.Random) -> None:
    _, received = _waiting(history, rng)
    _replace_all(history, received, replace(received, type="denied", actor=OTHER), received)


def it_is_executed_while_it_waits(history: History, rng: random.Random) -> None:
    _, received = _waiting(history, rng)
    history.cloud.events.remove(received)


def its_author_denies_it(history: History, rng: random.Random) -> None:
    request, received = _waiting(history, rng)
    final = _of(history, request.operation)[-1]
    history.cloud.events.remove(received)
    _replace_all(history, final, replace(final, type="denied", actor=request.actor, state=request.state))


def it_expires_early(history: History, rng: random.Random) -> None:
    request, received = _waiting(history, rng)
    final = _of(history, request.operation)[-1]
    history.cloud.events.remove(received)
    _replace_all(history, final, replace(final, type="expired", at=request.due - 1, state=request.state))


def what_nobody_requested_is_approved(history: History, rng: random.Random) -> None:
    request, _ = _waiting(history, rng)
    history.cloud.events.remove(request)


def a_denial_that_was_accepted_is_not_stored(history: History, rng: random.Random) -> None:
    request, _ = _waiting(history, rng)
    history.cloud.decisions.append(Decided(request.operation, "deny", OTHER))


def two_are_accepted_and_one_is_stored(history: History, rng: random.Random) -> None:
    request, _ = _waiting(history, rng)
    vote = next(one for one in _of(history, request.operation) if one.type == "approved")
    history.cloud.decisions += [
        Decided(request.operation, "approve", vote.actor),
        Decided(request.operation, "approve", OTHER),
    ]


def a_decision_is_refused_while_it_waits(history: History, rng: random.Random) -> None:
    request, _ = _waiting(history, rng)
    later = [one for one in _of(history, request.operation) if one is not request]
    history.cloud.events[:] = [one for one in history.cloud.events if one not in later]
    history.cloud.decisions.append(Decided(request.operation, "approve", OTHER, "not_awaiting"))


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("not approved", it_goes_on_without_an_approval),
    ("approval by author", its_author_approves_it),
    ("approval doubled", one_person_approves_twice),
    ("approval doubled", it_is_denied_and_executed),
    ("server state", it_is_executed_while_it_waits),
    ("approval by author", its_author_denies_it),
    ("approval early", it_expires_early),
    ("approval", what_nobody_requested_is_approved),
    ("decision lost", a_denial_that_was_accepted_is_not_stored),
    ("decision lost", two_are_accepted_and_one_is_stored),
    ("decision refused", a_decision_is_refused_while_it_waits),
)
