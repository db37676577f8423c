"""Memberships: an acknowledged change is in force, members are let in, and nobody else is."""

from collections.abc import Iterator

from tests.faults.verification.team_history import Glimpse, Roster, Stay
from tests.faults.verification.verdict import Violation

_CLOCK_SECONDS = 0.05
"""The broker's clock and ours may differ by so much."""


def memberships(roster: Roster) -> Iterator[Violation]:
    """Compare what was acknowledged, and who was let in, with the records."""
    for change in roster.changes:
        stays = _stays(roster, change.user, change.room)
        done = change.done
        is_in = any(one.at <= done + _CLOCK_SECONDS and one.left >= done - _CLOCK_SECONDS for one in stays)
        is_out = not any(one.at < done - _CLOCK_SECONDS and one.left > done + _CLOCK_SECONDS for one in stays)
        if not (is_in if change.joined else is_out):
            words = f"{change.user} {'joined' if change.joined else 'left'} {change.room}"
            yield Violation("membership lost", f"{words}, which was acknowledged and is not stored")
    for glimpse in roster.glimpses:
        yield from _glimpse(glimpse, _stays(roster, glimpse.user, glimpse.room))


def _glimpse(glimpse: Glimpse, stays: list[Stay]) -> Iterator[Violation]:
    """Each door checks the records that are stored when the request arrives."""
    asked, answered = glimpse.asked - _CLOCK_SECONDS, glimpse.answered + _CLOCK_SECONDS
    may_be_in = any(one.at <= answered and one.left >= asked for one in stays)
    is_in = any(one.at < asked and one.left > answered for one in stays)
    what = f"{glimpse.user} at {glimpse.room}, {glimpse.door}"
    if glimpse.let_in and not may_be_in:
        yield Violation("seen by a non-member", f"{what}: let in")
    if not glimpse.let_in and is_in:
        yield Violation("member refused", f"{what}: refused")


def _stays(roster: Roster, user: str, room: str) -> list[Stay]:
    return [one for one in roster.stays if one.user == user and one.room == room]
