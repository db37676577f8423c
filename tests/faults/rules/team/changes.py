"""Edits, reactions and pins: acknowledged means stored, once, as asked, at the place of the message."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.rules.messages import first_retained
from tests.faults.verification.history import ChatLife, History
from tests.faults.verification.team_history import ChangeKind, StoredChange, Wish
from tests.faults.verification.verdict import Violation

Toggle = tuple[int, str, str]
"""A reaction or a pin: the place of the message, the emoji, and who reacts."""


def changes(history: History, life: ChatLife) -> Iterator[Violation]:
    """Apply the rules of all changes of messages."""
    yield from _edits(history, life)
    yield from _shown_texts(history, life)
    yield from _toggles(life)
    yield from _asked(history, life)
    yield from _acknowledged(life)
    yield from _unknown(life)


def _versions(history: History) -> dict[str, dict[str, int]]:
    """Return the numbers of the texts of each message, by key and digest; the first one has 0."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for life in history.chats:
        for wish in life.team.wishes:
            if wish.kind is ChangeKind.EDITED:
                found[wish.key][wish.text] = wish.number
    for key, numbers in found.items():
        numbers.setdefault(history.sent[key].text if key in history.sent else "", 0)
    return found


def _edits(history: History, life: ChatLife) -> Iterator[Violation]:
    """The texts of a message follow each other as its author asked, at the same place."""
    versions, places = _versions(history), dict(life.acks)
    last: dict[int, int] = {}
    for change in sorted(life.team.changes, key=lambda one: one.seq):
        message = change.message
        if message is None:
            continue
        number = versions[message.key].get(message.text)
        if number is None:
            yield Violation("message altered", f"{message.key} has a text at {change.seq} that nobody wrote")
            continue
        sent = history.sent.get(message.key)
        if sent is not None and (sent.room, sent.author) != (message.room, message.author):
            yield Violation("message altered", f"an edit of {message.key} has another room or author")
        if places.get(message.key, change.place) != change.place:
            yield Violation("edit misplaced", f"{message.key} at {change.place}, not {places[message.key]}")
        before = last.get(change.place, 0)
        if number <= before:
            rule = "edit doubled" if number == before else "edit undone"
            yield Violation(rule, f"{message.key} has text {number} after text {before}, at {change.seq}")
        last[change.place] = max(number, before)


def _shown_texts(history: History, life: ChatLife) -> Iterator[Violation]:
    """Readers and pages show a text of the message, and pages none that was replaced before."""
    versions = _versions(history)
    stored = {change.seq: change for change in life.team.changes}
    by_place = {one.place: one.key for one in life.team.wishes if one.key}
    by_place |= {one.place: one.key for one in life.team.changes if one.key}
    texts = {text for numbers in versions.values() for text in numbers}
    for seq, content in life.contents.items():
        change = stored.get(seq)
        if change is not None and content != content_of(change):
            yield Violation("message altered", f"readers were shown another change at {seq}")
        elif change is None and content.startswith("edited|") and content.rpartition("|")[2] not in texts:
            yield Violation("message altered", f"readers were shown a text at {seq} that nobody wrote")
    done: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for wish in life.team.wishes:
        if wish.kind is ChangeKind.EDITED and wish.done is not None:
            done[wish.place].append((wish.done, wish.number))
    for page in life.pages:
        for place in page.shown.keys() & by_place.keys():
            text = page.shown[place].split("|")[2]
            number = versions[by_place[place]].get(text)
            if number is None:
                yield Violation("message altered", f"a page of history has another text at {place}")
                continue
            known = max((one for at, one in done[place] if at < page.asked), default=0)
            if number < known:
                words = f"a page shows text {number} at {place} after text {known} was acknowledged"
                yield Violation("edit undone", words)


def content_of(change: StoredChange) -> str:
    """Return what a reader must be shown of ``change``, in the form in which it is recorded."""
    about = f"{change.kind}|{change.room}|{change.place}"
    match change.kind:
        case ChangeKind.EDITED:
            message = change.message
            return about if message is None else f"{about}|{message.author}|{message.text}"
        case ChangeKind.REACTION:
            return f"{about}|{change.user}|{change.emoji}|{change.on}|{change.count}"
        case ChangeKind.PINNED:
            return f"{about}|{change.user}|{change.on}"


def _toggle(one: StoredChange | Wish) -> Toggle:
    return (one.place, one.emoji, one.user) if one.kind is ChangeKind.REACTION else (one.place, "", "")


def _toggles(life: ChatLife) -> Iterator[Violation]:
    """Each reaction and each pin changes something, and says how many people react after it."""
    first = life.firsts[0][1] if life.firsts else 0
    there: dict[Toggle, bool] = {}
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for change in sorted(life.team.changes, key=lambda one: one.seq):
        if change.kind is ChangeKind.EDITED or change.place < first:
            continue
        what = "reaction" if change.kind is ChangeKind.REACTION else "pin"
        if there.get(_toggle(change), False) is change.on:
            yield Violation(f"{what} doubled", f"at {change.seq}, of {change.user} on {change.place}")
            continue
        there[_toggle(change)] = change.on
        if change.kind is ChangeKind.REACTION:
            counts[change.place, change.emoji] += 1 if change.on else -1
            if counts[change.place, change.emoji] != change.count:
                words = f"{change.count} at {change.seq}, not {counts[change.place, change.emoji]}"
                yield Violation("reaction count", words)


def _asked(history: History, life: ChatLife) -> Iterator[Violation]:
    """Nothing is changed that nobody asked for. What a backup held was asked for in an earlier life."""
    asked = {
        (one.kind, one.place, one.room, one.user, one.emoji, one.on)
        for each in history.chats
        for one in each.team.wishes
    }
    for one in life.team.changes:
        if one.seq > (life.kept or 0) and (
            (one.kind, one.place, one.room, one.user, one.emoji, one.on) not in asked
        ):
            yield Violation("change unasked", f"{one.kind} at {one.seq} of {one.user}")


def _acknowledged(life: ChatLife) -> Iterator[Violation]:
    """What was acknowledged is stored at that sequence, or a later text has replaced it."""
    stored = {one.seq: one for one in life.team.changes}
    texts = _last_texts(life)
    for wish in life.team.wishes:
        if wish.done is None:
            continue
        found = stored.get(wish.seq)
        if wish.kind is ChangeKind.EDITED:
            text = found.message.text if found is not None and found.message is not None else ""
            is_there = text == wish.text or texts.get(wish.place, 0) > wish.seq
        else:
            is_there = wish.duplicate or (
                found is not None and (_toggle(found), found.on) == (_toggle(wish), wish.on)
            )
        if not is_there:
            words = f"{wish.kind} of {wish.user} on {wish.place}, acknowledged at {wish.seq}, is not stored"
            yield Violation("change lost", words)
    yield from _undone(life)


def _last_texts(life: ChatLife) -> dict[int, int]:
    """Return the sequence of the last edit or removal of each message, by its place."""
    found: dict[int, int] = {}
    for change in life.team.changes:
        if change.kind is ChangeKind.EDITED:
            found[change.place] = max(change.seq, found.get(change.place, 0))
    for message in life.messages:
        if message.removes is not None:
            found[message.removes] = max(message.seq, found.get(message.removes, 0))
    return found


def _undone(life: ChatLife) -> Iterator[Violation]:
    """The last acknowledged reaction of a person counts; no late retry of an earlier request undoes it."""
    state = {_toggle(one): one.on for one in sorted(life.team.changes, key=lambda one: one.seq)}
    last = {_toggle(wish): wish for wish in life.team.wishes if wish.kind is ChangeKind.REACTION}
    removed = {one.removes for one in life.messages if one.removes is not None}
    for toggle, wish in last.items():
        if wish.done is None or wish.place in removed or wish.place <= (life.kept or 0):
            continue
        if state.get(toggle, False) is not wish.on:
            words = f"the last reaction of {wish.user} on {wish.place} was {wish.emoji} {wish.on}"
            yield Violation("reaction undone", words)


def _unknown(life: ChatLife) -> Iterator[Violation]:
    """A message is unknown only if it was removed, or has expired."""
    asked: dict[int, float] = {}
    for removal in life.removals:
        asked[removal.seq] = min(removal.asked, asked.get(removal.seq, removal.asked))
    for one in life.team.unknown:
        if asked.get(one.place, one.answered + 1) > one.answered and (
            one.place >= first_retained(life, one.answered)
        ):
            yield Violation("message lost", f"{one.place} was said not to exist")
