"""Messages: acknowledged means stored, once, whole and in order; a removed one stays removed."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.verification.excuses import Domain, Excuses
from tests.faults.verification.history import ChatLife, History, HistoryPage, Sent, shown_options
from tests.faults.verification.stored_message import StoredMessage
from tests.faults.verification.team_history import ChangeKind
from tests.faults.verification.verdict import Bounds, Violation

COURSE_ROOM = "general"
"""The only room of the course contract."""


def stored_messages(history: History, life: ChatLife) -> Iterator[Violation]:
    """Compare acknowledgements and what was sent with the stream."""
    seqs = [message.seq for message in life.messages]
    if any(a >= b for a, b in pairwise(seqs)):
        yield Violation("message order", "the stream is not in order")
    copies: dict[str, list[StoredMessage]] = defaultdict(list)
    for message in life.messages:
        if message.removes is not None:
            continue
        copies[message.key].append(message)
        sent = history.sent.get(message.key)
        if sent is None:
            yield Violation("message unsaid", f"{message.key} is stored and nobody said it")
        elif sent != Sent(message.room, message.author, message.text, _options(message)):
            yield Violation("message altered", f"{message.key} is stored with another room, author or text")
    for key, found in copies.items():
        doubled = [
            later
            for first, later in pairwise(found)
            if first_retained(life, later.at) <= first.seq  # otherwise a retry can't find it any more
        ]
        if doubled:
            yield Violation("message doubled", f"{key} is stored {len(found)} times")
    yield from _acknowledged(life, copies)


def _acknowledged(life: ChatLife, copies: dict[str, list[StoredMessage]]) -> Iterator[Violation]:
    by_seq = {message.seq: message for message in life.messages}
    gone = {one.place: one.key for one in life.team.changes if one.kind is ChangeKind.EDITED}
    gone |= {message.removes: message.key for message in life.messages if message.removes is not None}
    for key, seq in life.acks:
        found = by_seq.get(seq)
        if found is not None and found.removes is None and found.key == key:
            continue
        if found is None and gone.get(seq) in {key, ""}:
            continue
        where = "nowhere" if key not in copies else "elsewhere"
        yield Violation("message lost", f"{key} was acknowledged at {seq} and is {where}")


def first_retained(life: ChatLife, at: float) -> int:
    """Return the first sequence that the stream surely still had at ``at``."""
    place = bisect_right(life.firsts, at, key=lambda sample: sample[0])
    if place < len(life.firsts):
        return life.firsts[place][1]
    return life.firsts[-1][1] if life.firsts else 0


def shown_contents(life: ChatLife) -> Iterator[Violation]:
    """Compare the whole content of what readers were shown with the stream."""
    for message in life.messages:
        shown = life.contents.get(message.seq)
        if shown is not None and shown != content_of(message):
            yield Violation("message altered", f"readers were shown another text at {message.seq}")


def content_of(message: StoredMessage) -> str:
    """Return what a reader must be shown of ``message``, in the form in which it is recorded."""
    if message.removes is not None:
        return f"removed|{message.room}|{message.removes}"
    return f"{message.room}|{message.author}|{message.text}{_options(message)}"


def _options(message: StoredMessage) -> str:
    return shown_options(message.thread, message.files)


def course(history: History, life: ChatLife) -> Iterator[Violation]:
    """Course clients get each message while they are connected, once, in order and whole.

    They can't be reset: what a gateway missed beyond its limit of replays, they miss. They get the first text
    of a message that was edited since, or nothing, and no replies that only a thread shows.
    """
    removed = {message.key for message in life.messages if message.removes is not None}
    removed |= {removal.key for removal in life.removals}
    removed |= {change.key for change in life.team.changes if change.kind is ChangeKind.EDITED}
    in_room = (one for one in life.messages if one.removes is None and one.room == COURSE_ROOM)
    order = [one for one in in_room if not one.hidden]
    places_of: dict[str, list[int]] = defaultdict(list)
    for number, message in enumerate(order):
        places_of[message.key].append(number)
    for reader in life.course:
        places = _places([key for key in reader.keys if key not in removed], places_of)
        if -1 in places:
            yield Violation("course unsaid", f"{reader.name} saw a message that is not stored")
        elif len(set(places)) < len(places):
            yield Violation("course doubled", f"{reader.name}: {len(places) - len(set(places))}")
        elif missed := _missed(places, order, removed, history.replay_limit):
            yield Violation("course missed", f"{reader.name} saw {len(places)}, and not {missed}")
        for key, content in zip(reader.keys, reader.contents, strict=False):
            sent = history.sent.get(key)
            if sent is not None and content != f"{sent.author}|{sent.text}":
                yield Violation("message altered", f"{reader.name} was shown another text of {key}")


def _missed(places: list[int], order: list[StoredMessage], removed: set[str], limit: int) -> int:
    """Return how many messages between the first and the last of ``places`` are missing or out of order."""
    missed = 0
    for before, after in pairwise(places):
        between = order[before + 1 : after]
        if after < before:
            missed += 1
        elif between and order[after].seq - order[before].seq <= limit:
            missed += sum(message.key not in removed for message in between)
    return missed


def _places(keys: list[str], places_of: dict[str, list[int]]) -> list[int]:
    """Return the place of each message, -1 if it is not stored.

    A message that was sent again after it had expired has two: the next one is meant.
    """
    found: list[int] = []
    for key in keys:
        options = places_of.get(key, [-1])
        last = found[-1] if found else -1
        found.append(next((place for place in options if place > last), options[0]))
    return found


def history_pages(history: History, life: ChatLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """A page of history has all messages of its range, the newest ones too, and none that was removed."""
    by_seq = {message.seq: message for message in life.messages}
    gone = {removal.seq: removal.asked for removal in life.removals}
    done = {removal.seq: removal.done for removal in life.removals if removal.done is not None}
    edited = {one.place for one in life.team.changes if one.kind is ChangeKind.EDITED}
    edited |= {one.place for one in life.team.wishes if one.kind is ChangeKind.EDITED}
    for page in life.pages:
        for seq, content in page.shown.items():
            stored = by_seq.get(seq)
            if seq in edited:  # judged by the rules of edits
                continue
            if stored is not None and content_of(stored) != content:
                yield Violation("message altered", f"a page of history has another text at {seq}")
            if stored is None and seq not in gone:
                yield Violation("history invented", f"a page of history has {seq}, which is not stored")
            over = done.get(seq)
            if over is not None and page.asked > over + bounds.effect:
                # A node of a cluster that was cut off serves what it has.
                late = excuses.seconds(Domain.DELIVERIES, over, page.asked) if history.nodes > 1 else 0.0
                if page.asked > over + bounds.effect + late:
                    yield Violation("removed message", f"a page of history shows {seq} after its removal")
        yield from _page_lacks(page, life, gone, bounds, excuses)


def _page_lacks(
    page: HistoryPage, life: ChatLife, gone: dict[int, float], bounds: Bounds, excuses: Excuses
) -> Iterator[Violation]:
    first, last = min(page.shown, default=0), max(page.shown, default=0)
    for message in life.messages:
        if message.removes is not None or message.room != page.room or message.seq in page.shown:
            continue
        if message.hidden:
            continue
        if message.seq < first or message.seq in gone or message.seq < first_retained(life, page.asked):
            continue
        if message.seq < last:
            yield Violation("history missed", f"a page of {page.room} lacks {message.seq}")
            return
        late = page.asked - message.at
        if not page.latest or late <= bounds.delivered:
            continue
        if late > bounds.delivered + excuses.seconds(Domain.DELIVERIES, message.at, page.asked):
            yield Violation("history missed", f"the newest page of {page.room} lacks {message.seq}")
            return


def removed_messages(life: ChatLife, bounds: Bounds, excuses: Excuses) -> Iterator[Violation]:
    """After its removal a message is gone from the stream, and no reader gets it any more.

    A reader that does not read for a while has it in its buffers already, and so has a gateway: it passes
    on what the broker had sent, the removal too.
    """
    tombs = {message.removes for message in life.messages if message.removes is not None}
    done = {removal.seq: removal.done for removal in life.removals if removal.done is not None}
    for seq in done.keys() - tombs:
        yield Violation("removed message", f"{seq} was removed, and the stream has no tombstone")
    first = max((first for _, first in life.firsts), default=0)
    for removal in life.removals:
        if removal.unknown and removal.seq >= first:  # what has expired meanwhile can't be removed
            yield Violation("refusal", f"{removal.seq} could not be removed: it was said not to exist")
    replaced = {one.replaced: one.seq for one in life.team.changes if one.kind is ChangeKind.EDITED}
    acked = {one.seq: one.done for one in life.team.wishes if one.done is not None and not one.duplicate}
    done |= {seq: acked[by] for seq, by in replaced.items() if by in acked and seq not in done}
    for one in life.shown_after_removal:
        over = done.get(one.seq)
        if over is None or one.at <= over + bounds.effect:
            continue
        excused = excuses.seconds(Domain.DELIVERIES, over, one.at, one.reader, one.where)
        if one.at > over + bounds.effect + excused:
            yield Violation(
                "removed message", f"{one.reader} got {one.seq} {one.at - over:.1f} s after its removal"
            )
