"""Approvals in made-up histories: what comes before an operation is received, or instead of that."""

import random
from dataclasses import replace

from tests.faults.verification.cloud_history import Decided, StoredEvent

EXPIRES = 60.0
_APPROVERS = ("op4", "op5", "op6")


def asked(received: StoredEvent, rng: random.Random) -> list[StoredEvent]:
    """Return the events before ``received``: a request, and as many approvals as it needs."""
    need = rng.choice((1, 1, 2))
    begun = received.at - rng.uniform(5, 20)
    request = replace(received, type="requested", at=begun, need=need, due=begun + EXPIRES)
    request = replace(request, pending=request.operation)
    if rng.random() < 0.2:
        alone = replace(request, type="approved", at=received.at - 0.01, actor=received.actor, alone=True)
        return [request, alone]
    voters = rng.sample(_APPROVERS, need)
    steps = [received.at - 0.01 * (need - number) for number in range(need)]
    return [
        request,
        *(
            replace(request, type="approved", at=at, actor=voter)
            for at, voter in zip(steps, voters, strict=True)
        ),
    ]


def refused(received: StoredEvent, rng: random.Random) -> list[StoredEvent]:
    """Return the events of an operation that is denied, or about which nobody decides."""
    request = replace(
        received, type="requested", need=1, due=received.at + EXPIRES, pending=received.operation
    )
    if rng.random() < 0.5:
        denied = rng.choice(_APPROVERS)
        end = replace(received, type="denied", at=received.at + rng.uniform(1, 30), actor=denied)
    else:
        end = replace(received, type="expired", at=request.due + rng.uniform(0, 0.4), actor="opsroom")
    return [request, replace(end, due=0.0)]


def decisions(events: list[StoredEvent]) -> list[Decided]:
    """Return the decisions about one operation: each that is stored, and one that was too late."""
    stored = {"approved": "approve", "denied": "deny"}
    made = [
        Decided(one.operation, stored[one.type], one.actor, "", one.at - 0.1, one.at + 0.1)
        for one in events
        if one.type in stored
    ]
    last = events[-1]
    return [*made, Decided(last.operation, "deny", "op8", "not_awaiting", last.at, last.at + 30)]
