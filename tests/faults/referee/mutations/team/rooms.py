"""Faults of memberships, of who sees what, and of read positions."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import BEGIN, END
from tests.faults.referee.made_up_team import GUEST, OUTSIDER, ROOM
from tests.faults.referee.mutation import Mutation, drop_seqs
from tests.faults.verification.history import ChatRecord, History
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.seqs import Arrivals, Seqs
from tests.faults.verification.team_history import (
    Glimpse,
    MemberList,
    MembershipChange,
    ReadAtRest,
    Stay,
)


def _events(history: History) -> list[ChatRecord]:
    """Return the events of the room with members, except what was erased."""
    life = history.chat
    gone = {one.removes for one in life.messages} | {one.replaced for one in life.team.changes}
    return [one for one in life.events() if one.room == ROOM and one.seq not in gone]


def _segment(history: History, name: str) -> Segment:
    """Return the longest segment of a reader."""
    reader = next(one for one in history.chat.readers if one.name == name)
    return max(reader.segments, key=lambda one: len(one.seqs))


def _insert(segment: Segment, seq: int, at: float) -> None:
    """Let a reader get one more event, in its place."""
    samples = segment.arrivals.samples()
    segment.seqs, segment.arrivals = Seqs(sorted({*segment.seqs, seq})), Arrivals()
    for when, number in sorted([*samples, (at, seq)], key=lambda one: one[1]):
        segment.arrivals.arrived(number, when)


def an_outsider_gets_an_event(history: History, rng: random.Random) -> None:
    segment = _segment(history, OUTSIDER)
    inside = [one for one in _events(history) if segment.after < one.seq < segment.last]
    event = rng.choice(inside)
    _insert(segment, event.seq, event.at + 0.05)


def somebody_gets_an_event_after_they_left(history: History, _: random.Random) -> None:
    """The event was stored under a later record of memberships."""
    stay = next(one for one in history.chat.team.roster.stays if one.user == GUEST and one.left < END)
    again = [one for one in history.chat.team.roster.stays if one.user == GUEST and one.first > stay.end]
    history.chat.team.roster.stays = [one for one in history.chat.team.roster.stays if one not in again]
    event = next(one for one in _events(history) if one.members >= stay.end and one.at > stay.left)
    segment = Segment(event.seq - 1, fresh=True, where="g1", opened=event.at - 0.1, user=GUEST)
    segment.closed = event.at + 0.2
    segment.seqs.append(event.seq)
    segment.arrivals.arrived(event.seq, event.at + 0.05)
    history.chat.readers.append(Reader("late", [segment]))


def somebody_gets_an_old_event_long_after_they_left(history: History, _: random.Random) -> None:
    roster = history.chat.team.roster
    stay = next(one for one in roster.stays if one.user == GUEST and one.left < END)
    roster.stays = [one for one in roster.stays if one.user != GUEST or one is stay]
    event = [one for one in _events(history) if stay.first <= one.members < stay.end][-1]
    at = stay.left + 100
    segment = Segment(event.seq - 1, where="g1", opened=at, closed=at + 2, user=GUEST)
    segment.arrivals.arrived(event.seq - 1, at + 0.1)
    segment.seqs.append(event.seq)
    segment.arrivals.arrived(event.seq, at + 1)
    history.chat.readers.append(Reader("late", [segment]))


def a_member_misses_an_event(history: History, rng: random.Random) -> None:
    segment = _segment(history, "ann")
    inside = {one.seq for one in _events(history)} & set(list(segment.seqs)[:-1])
    drop_seqs(segment, {rng.choice(sorted(inside))})


def a_member_gets_nothing_of_the_room(history: History, _: random.Random) -> None:
    inside = {one.seq for one in _events(history)}
    segment = Segment(0, fresh=True, where="g1", opened=BEGIN, closed=END, user="ann")
    history.chat.readers.append(Reader("starved", [segment]))
    last = max(inside)
    for event in sorted(history.chat.messages, key=lambda one: one.seq):
        if event.room != ROOM and event.seq < last - 60:
            segment.seqs.append(event.seq)
            segment.arrivals.arrived(event.seq, event.at + 0.05)


def a_member_gets_an_event_twice(history: History, _: random.Random) -> None:
    segment = _segment(history, "ann")
    inside = {one.seq for one in _events(history)} & set(segment.seqs)
    segment.seqs = Seqs(sorted([*segment.seqs, min(inside)]))


def a_heartbeat_claims_too_much(history: History, _: random.Random) -> None:
    """It says that there is nothing up to a sequence, and there is."""
    reader = next(one for one in history.chat.readers if one.name == "ann")
    cut = reader.segments[0]
    later = [one.seq for one in history.chat.messages if one.room == "general" and one.seq > cut.last]
    gone = {one.seq for one in history.chat.removals} | {one.place for one in history.chat.team.changes}
    cut.idle = next(one for one in later if one not in gone)


def a_join_is_acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    history.chat.team.roster.changes.append(MembershipChange(OUTSIDER, ROOM, True, END, END + 1))


def a_removal_is_acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    history.chat.team.roster.changes.append(MembershipChange("ann", ROOM, False, END, END + 1))


def a_door_is_open_to_others(history: History, _: random.Random) -> None:
    history.chat.team.roster.glimpses.append(Glimpse(OUTSIDER, ROOM, "file", END, END + 1, True))


def a_door_is_open_after_a_removal(history: History, _: random.Random) -> None:
    roster = history.chat.team.roster
    left = next(one for one in roster.stays if one.user == GUEST and one.left < END).left
    roster.glimpses.append(Glimpse(GUEST, ROOM, "history", left + 0.2, left + 0.3, True))


def a_door_is_closed_to_a_member(history: History, _: random.Random) -> None:
    history.chat.team.roster.glimpses.append(Glimpse("ann", ROOM, "history", END, END + 1, False))


def a_list_of_members_is_wrong(history: History, _: random.Random) -> None:
    history.chat.team.roster.lists.append(MemberList(ROOM, "g2", frozenset({"ann"})))


def somebody_is_in_a_room_without_a_record(history: History, _: random.Random) -> None:
    history.chat.team.roster.stays.append(Stay("eve", ROOM, 5000, END))


def _read(history: History) -> ReadAtRest:
    return history.chat.team.reads[0]


def a_device_has_another_position(history: History, _: random.Random) -> None:
    history.chat.team.reads[0] = replace(_read(history), read=_read(history).read + 1)


def a_device_counts_otherwise(history: History, _: random.Random) -> None:
    history.chat.team.reads[0] = replace(_read(history), unread=_read(history).unread + 1)


def a_device_counts_other_mentions(history: History, _: random.Random) -> None:
    history.chat.team.reads[0] = replace(_read(history), mentions=_read(history).mentions + 1)


def all_count_wrongly(history: History, _: random.Random) -> None:
    team = history.chat.team
    team.reads = [replace(one, unread=one.unread + 1) for one in team.reads]


def a_position_is_lost(history: History, _: random.Random) -> None:
    one = _read(history)
    history.chat.team.positions[one.user, one.room] = one.read + 10


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("seen by a non-member", an_outsider_gets_an_event),
    ("seen by a non-member", somebody_gets_an_event_after_they_left),
    ("seen by a non-member", somebody_gets_an_old_event_long_after_they_left),
    ("message missed", a_member_misses_an_event),
    ("message late", a_member_gets_nothing_of_the_room),
    ("message doubled", a_member_gets_an_event_twice),
    ("message missed", a_heartbeat_claims_too_much),
    ("membership lost", a_join_is_acknowledged_and_not_stored),
    ("membership lost", a_removal_is_acknowledged_and_not_stored),
    ("seen by a non-member", a_door_is_open_to_others),
    ("seen by a non-member", a_door_is_open_after_a_removal),
    ("member refused", a_door_is_closed_to_a_member),
    ("members differ", a_list_of_members_is_wrong),
    ("members differ", somebody_is_in_a_room_without_a_record),
    ("unread differs", a_device_has_another_position),
    ("unread differs", a_device_counts_otherwise),
    ("unread differs", a_device_counts_other_mentions),
    ("unread wrong", all_count_wrongly),
    ("position lost", a_position_is_lost),
)
