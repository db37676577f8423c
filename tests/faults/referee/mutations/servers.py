"""Faults of servers: of their events, states, commands and lists."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import BEGIN, DELAY, END
from tests.faults.referee.mutation import Mutation
from tests.faults.rules.commands import FINALS
from tests.faults.verification.cloud_history import Accepted, Conflict, Snapshot, StoredEvent
from tests.faults.verification.history import (
    History,
)
from tests.faults.verification.readers import Reader, Segment


def _completed(history: History, rng: random.Random, *commands: str) -> tuple[StoredEvent, StoredEvent]:
    events = history.cloud.events
    finals = [one for one in events if one.type in FINALS.values()]
    wanted = [one for one in finals if not commands or one.command in commands]
    final = rng.choice(wanted)
    begun = (one for one in events if one.operation == final.operation and one.type == "received")
    return next(begun), final


def _replace_event(history: History, old: StoredEvent, **changes: object) -> None:
    place = history.cloud.events.index(old)
    history.cloud.events[place] = replace(old, **changes)  # type: ignore[arg-type]


def _again(history: History, event: StoredEvent, **changes: object) -> None:
    """Store an event once more at the end."""
    seq = history.cloud.events[-1].seq + 1
    history.cloud.events.append(replace(event, seq=seq, **changes))  # type: ignore[arg-type]


def two_commands_are_pending_on_one_server(history: History, rng: random.Random) -> None:
    received, _ = _completed(history, rng)
    events = history.cloud.events
    place = events.index(received) + 1
    events.insert(place, replace(received, operation="second", command="restart"))
    events.insert(place + 1, replace(received, operation="second", type="restarted", command="restart"))


def started_with_the_state_stopped(history: History, rng: random.Random) -> None:
    _, final = _completed(history, rng, "start", "restart", "stop", "create")
    _replace_event(history, final, state="running" if final.state == "stopped" else "stopped")


def a_command_that_is_not_valid_is_accepted(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng, "create")
    _replace_event(history, received, command="restart")
    _replace_event(history, final, command="restart", type="restarted")


def a_retained_event_changes_the_state(history: History, rng: random.Random) -> None:
    _, final = _completed(history, rng, "create")
    place = history.cloud.events.index(final) + 1
    history.cloud.events.insert(place, replace(final, type="retained", state="running"))


def it_fails_although_the_provider_did_not(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng)
    _replace_event(history, final, type="failed", state=received.state)


def it_is_cancelled_and_nobody_asked(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng)
    _replace_event(history, final, type="cancelled", state=received.state)


def a_cancelled_command_is_executed(history: History, rng: random.Random) -> None:
    _, final = _completed(history, rng)
    accepted = next(one for one in history.cloud.accepted if one.operation == final.operation)
    accepted.cancelled = accepted.cancelling = True


def it_is_executed_for_somebody_else(history: History, rng: random.Random) -> None:
    received, _ = _completed(history, rng)
    _replace_event(history, received, actor="mallory")


def it_is_accepted_and_never_received(history: History, _: random.Random) -> None:
    history.cloud.accepted.append(Accepted("o", "create", "i", "k", BEGIN, BEGIN + 1, actor="op1"))


def a_retry_makes_a_second_operation(history: History, _: random.Random) -> None:
    first, second = history.cloud.accepted[:2]
    history.cloud.accepted.append(replace(first, operation=second.operation))


def it_ends_twice(history: History, rng: random.Random) -> None:
    _again(history, _completed(history, rng)[1])


def it_never_ends(history: History, rng: random.Random) -> None:
    history.cloud.events.remove(_completed(history, rng)[1])


def it_ends_early(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng)
    _replace_event(history, final, at=received.at + DELAY - 0.1)


def it_ends_99_seconds_late(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng)
    _replace_event(history, final, at=received.at + DELAY + 99)


def it_is_refused_without_a_reason(history: History, rng: random.Random) -> None:
    received, final = _completed(history, rng)
    conflict = Conflict("start", received.instance, "operation_pending", "another", final.at, final.at, "op1")
    history.cloud.conflicts.append(conflict)


def nobody_wins_the_race(history: History, rng: random.Random) -> None:
    """All commanders are refused: the state allows the command, and nothing was pending."""
    _, final = _completed(history, rng, "create")
    at = final.at + 0.2
    history.cloud.conflicts.append(
        Conflict("start", final.instance, "transition_invalid", "", at, at + 0.1, "op1")
    )


def a_dashboard_gets_nothing_for_minutes(history: History, _: random.Random) -> None:
    segment = Segment(0, fresh=True, where="g2", opened=BEGIN, closed=END)
    history.cloud.watchers.append(Reader("starved", [segment]))


def a_dashboard_is_shown_another_state(history: History, rng: random.Random) -> None:
    history.cloud.contents[rng.choice(history.cloud.events).seq] = "started|o|i|start|stopped"


def a_list_lacks_a_server(history: History, rng: random.Random) -> None:
    """It is the same as the dashboard that lacks it, too."""
    shown = rng.choice([one for one in history.cloud.snapshots if one.listed])
    lacking = dict(list(shown.listed.items())[1:])
    history.cloud.snapshots.append(Snapshot("op1", shown.seq, lacking, dict(lacking)))


def a_dashboard_differs_from_the_list(history: History, rng: random.Random) -> None:
    shown = rng.choice([one for one in history.cloud.snapshots if one.listed])
    assert shown.followed is not None
    shown.followed[next(iter(shown.followed))] = "running other"


def a_list_is_minutes_old(history: History, _: random.Random) -> None:
    first = history.cloud.snapshots[0]
    history.cloud.snapshots.append(replace(first, followed=None, at=END))


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("server state", two_commands_are_pending_on_one_server),
    ("server state", started_with_the_state_stopped),
    ("server state", a_command_that_is_not_valid_is_accepted),
    ("server state", a_retained_event_changes_the_state),
    ("server state", it_fails_although_the_provider_did_not),
    ("command cancelled", it_is_cancelled_and_nobody_asked),
    ("command wrong", a_cancelled_command_is_executed),
    ("command wrong", it_is_executed_for_somebody_else),
    ("command lost", it_is_accepted_and_never_received),
    ("command doubled", a_retry_makes_a_second_operation),
    ("command doubled", it_ends_twice),
    ("command unfinished", it_never_ends),
    ("command early", it_ends_early),
    ("command late", it_ends_99_seconds_late),
    ("command refused", it_is_refused_without_a_reason),
    ("command refused", nobody_wins_the_race),
    ("event late", a_dashboard_gets_nothing_for_minutes),
    ("event altered", a_dashboard_is_shown_another_state),
    ("dashboard", a_list_lacks_a_server),
    ("dashboard", a_dashboard_differs_from_the_list),
    ("dashboard", a_list_is_minutes_old),
)
