"""At rest: histories, devices, searches, files, positions and counts are what the stream says."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from opsroom_contracts.subjects import is_created_room
from tests.faults.rules.team.fold import FoldedRooms, fold
from tests.faults.verification.history import ChatLife
from tests.faults.verification.team_history import ReadAtRest, RoomAtRest, Shown
from tests.faults.verification.verdict import Violation


def at_rest(life: ChatLife) -> Iterator[Violation]:
    """Compare what everybody shows when nothing changes any more."""
    truth = fold(life)
    for shown in life.team.rest:
        yield from _room(shown, truth)
    yield from _files(life, truth)
    yield from _reads(life, truth)
    yield from _found(life, truth)
    yield from _members(life)


def _room(rest: RoomAtRest, truth: FoldedRooms) -> Iterator[Violation]:
    places = truth.thread(rest.thread) if rest.thread else truth.room(rest.room)
    places = {place for place in places if place >= rest.since}
    shown = {
        place: one
        for place, one in rest.shown.items()
        if place >= rest.since and (place in places or place >= truth.first)
    }
    what = f"{rest.who}: {'thread ' + rest.thread if rest.thread else rest.room}"
    for rule, found in (("missed", places - shown.keys()), ("invented", shown.keys() - places)):
        if found:
            yield Violation(f"room {rule}", f"{what}: {len(found)}, the first {min(found)}")
    wrong = [place for place in places & shown.keys() if _differs(shown[place], truth.shown(place))]
    if wrong:
        place = min(wrong)
        words = f"{what}: {len(wrong)}, as {place}: {shown[place]}, not {truth.shown(place)}"
        yield Violation("room differs", words)


def _differs(shown: Shown, truth: Shown) -> bool:
    """Whether a message is shown wrongly. Of old ones and by devices, not everything is known."""
    if truth.replies is None:
        return (shown.text, shown.files) != (truth.text, truth.files)
    return shown != (truth if shown.replies is not None else replace(truth, replies=None))


def _files(life: ChatLife, truth: FoldedRooms) -> Iterator[Violation]:
    """A file has its bytes for as long as its message is there, and none afterwards."""
    yield from _doubled_files(life)
    sent = {one.ident: one for one in life.team.files}
    tombs = {one.removes for one in life.messages if one.removes is not None}
    removed = {one.key for one in life.messages if one.seq in tombs}
    places = {message.key: message.seq for message in truth.messages.values()}
    for one in life.team.downloads:
        file = sent.get(one.ident)
        if file is None:
            continue
        if one.digest and one.digest != file.digest:
            yield Violation("file damaged", f"{one.ident} of {file.key}")
        if not one.at_rest:
            continue
        if places.get(file.key, 0) >= max(truth.first, 1) and not one.digest:
            yield Violation("file lost", f"{one.ident} of {file.key}")
        if file.key in removed and one.digest:
            yield Violation("removed file", f"{one.ident} of {file.key} is still there")


def _doubled_files(life: ChatLife) -> Iterator[Violation]:
    owners: dict[str, set[str]] = defaultdict(set)
    for message in life.messages:
        for ident in message.files:
            owners[ident].add(message.key)
    for ident, found in owners.items():
        if len(found) > 1:
            yield Violation("file doubled", f"{ident} is in {len(found)} messages")


def _reads(life: ChatLife, truth: FoldedRooms) -> Iterator[Violation]:
    """All devices of a person, and all gateways, say the same, and what the stream says."""
    said: dict[tuple[str, str], list[ReadAtRest]] = defaultdict(list)
    for one in life.team.reads:
        said[one.user, one.room].append(one)
    for (user, room), found in said.items():
        if len({(one.read, one.unread, one.mentions) for one in found}) > 1:
            words = ", ".join(f"{one.who} {one.read}/{one.unread}/{one.mentions}" for one in found)
            yield Violation("unread differs", f"{user} in {room}: {words}")
        for one in found:
            sent = life.team.positions.get((user, room), 0)
            if one.read < sent:
                yield Violation("position lost", f"{one.who}: {one.read} in {room}, and {sent} was sent")
            counts = truth.unread(room, user, one.read)
            if one.read >= truth.first - 1 and (one.unread, one.mentions) != counts:
                words = f"{one.who}: {one.unread}/{one.mentions} in {room} after {one.read}, not {counts}"
                yield Violation("unread wrong", words)


def _found(life: ChatLife, truth: FoldedRooms) -> Iterator[Violation]:
    """A search finds what somebody may read, with the words that it has now, and nothing else."""
    for one in life.team.found:
        message = truth.messages.get(one.place)
        if message is None and one.place < truth.first:
            continue  # it has expired
        wanted = message is not None and message.text == one.text and one.may_read
        if one.there and not one.may_read:
            yield Violation("seen by a non-member", f"{one.user} found {one.place} of {one.room}")
        elif one.there is not wanted:
            words = f"{one.user} {'found' if one.there else 'did not find'} {one.place} of {one.room}"
            yield Violation("search wrong", words)


def _members(life: ChatLife) -> Iterator[Violation]:
    """Gateways list the members that the records say."""
    roster = life.team.roster
    for shown in roster.lists:
        there = {stay.user for stay in roster.stays if stay.room == shown.room and stay.left == float("inf")}
        if is_created_room(shown.room) and shown.members != there:
            words = f"{shown.where} lists {len(shown.members)} in {shown.room}, and there are {len(there)}"
            yield Violation("members differ", words)
