"""The checker: find the violations of a history, one line each. Pure."""

from collections.abc import Iterator
from itertools import pairwise

from tests.faults.rules.agents.served import served
from tests.faults.rules.approvals import approvals
from tests.faults.rules.audit import audit
from tests.faults.rules.commands import commands, conflicts
from tests.faults.rules.lifecycle import lifecycles, shown_events, snapshots
from tests.faults.rules.lists import absences, ghosts
from tests.faults.rules.messages import (
    course,
    first_retained,
    history_pages,
    removed_messages,
    shown_contents,
    stored_messages,
)
from tests.faults.rules.moderation import moderation
from tests.faults.rules.names import names, waits
from tests.faults.rules.readers import deliveries, epochs, event_stream, message_stream, readers, stale
from tests.faults.rules.team.changes import changes
from tests.faults.rules.team.membership import memberships
from tests.faults.rules.team.rest import at_rest
from tests.faults.rules.team.visibility import in_rooms
from tests.faults.verification.cloud_history import CloudLife
from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import ChatLife, History
from tests.faults.verification.team_history import Roster
from tests.faults.verification.verdict import Bounds, Violation


def check(history: History, bounds: Bounds) -> list[Violation]:
    """Return all violations in ``history``."""
    excuses = Excuses(history.outages)
    return [
        *(found for life in history.chats for found in _chat(history, life, bounds, excuses)),
        *(found for life in history.clouds for found in _cloud(history, life, bounds, excuses)),
        *_kept(history),
        *(found for roster in _rosters(history) for found in memberships(roster)),
        *ghosts(history, bounds, excuses),
        *absences(history, bounds, excuses),
        *names(history, bounds, excuses),
        *waits(history, bounds, excuses),
        *moderation(history, bounds, excuses),
        *audit(history, bounds, excuses),
        *served(history, bounds, excuses),
        *(Violation("refusal", words) for words in history.refused),
        *(Violation("left over", words) for words in history.left_over),
        *_unjudged(history, bounds),
    ]


def _chat(history: History, life: ChatLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    stream = message_stream(history, life)
    yield from stored_messages(history, life)
    yield from shown_contents(life)
    yield from readers(life.readers, stream)
    yield from deliveries(life.readers, stream, bounds, excuses)
    if stream.rooms is not None:
        yield from in_rooms(life.readers, stream.rooms, bounds, excuses)
    yield from stale(life, bounds, excuses)
    yield from epochs(life.readers, life.kept, history.nodes, stream.what)
    yield from changes(history, life)
    yield from at_rest(life)
    yield from course(history, life)
    yield from history_pages(history, life, bounds, excuses)
    yield from removed_messages(life, bounds, excuses)


def _cloud(history: History, life: CloudLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    stream = event_stream(life)
    yield from lifecycles(life.events, history.failure_rate)
    yield from shown_events(life)
    yield from commands(history, life, bounds, excuses)
    yield from conflicts(life)
    yield from approvals(life, open_end=life is not history.clouds[-1])
    yield from readers(life.watchers, stream)
    yield from deliveries(life.watchers, stream, bounds, excuses)
    yield from epochs(life.watchers, life.kept, history.nodes, stream.what)
    yield from snapshots(life, bounds, excuses)


def _rosters(history: History) -> list[Roster]:
    """Return the rosters; one may outlive a stream of the chat."""
    return list({id(life.team.roster): life.team.roster for life in history.chats}.values())


def _kept(history: History) -> Iterator[Violation]:
    """What a backup held is there after its restore."""
    for before, after in pairwise(history.chats):
        there = {message.seq: message for message in after.messages}
        gone = {one.removes for one in (*before.messages, *after.messages)}
        gone |= {one.place for one in (*before.team.changes, *after.team.changes) if one.key}
        for message in before.messages:
            if message.seq > (after.kept or 0) or message.removes is not None or message.seq in gone:
                continue
            if there.get(message.seq) != message and message.seq >= first_retained(after, 0.0):
                yield Violation("message lost", f"{message.key} at {message.seq} was in the backup")
    for old, new in pairwise(history.clouds):
        lost = {event for event in old.events if event.seq <= (new.kept or 0)} - set(new.events)
        if lost:
            yield Violation("event lost", f"{len(lost)} events of the backup")


def judged(history: History) -> dict[str, float]:
    """Return the share of the time under load that no outage excuses, 0 to 1, for each domain."""
    excuses = Excuses(history.outages)
    places = sorted({one.where for one in history.connected if one.where}) or [""]
    domains = [one for one in Domain if one is not Domain.SERVERS or history.agent is not None]
    return {domain.value: excuses.judged(domain, history.began, history.ended, places) for domain in domains}


def _unjudged(history: History, bounds: Bounds) -> Iterator[Violation]:
    for domain, share in judged(history).items():
        # Another agent takes over after a lease of 15 s, which excuses more than other faults do.
        least = bounds.judged / 2 if domain == Domain.SERVERS else bounds.judged
        if share < least:
            yield Violation(
                "unjudged", f"only {share:.0%} of the time was judged for {domain}, not {least:.0%}"
            )
