"""Faults of edits, reactions, pins, threads, files and searches."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import END
from tests.faults.referee.made_up_team import ROOM
from tests.faults.referee.mutation import Mutation
from tests.faults.verification.history import History, HistoryPage, LateDelivery
from tests.faults.verification.team_history import (
    ChangeKind,
    Download,
    Shown,
    StoredChange,
    UnknownMessage,
)


def _changes(history: History, kind: ChangeKind) -> list[StoredChange]:
    return [one for one in history.chat.team.changes if one.kind is kind]


def _last_edit(history: History) -> StoredChange:
    """Return an edit that no later event has replaced."""
    gone = {one.removes for one in history.chat.messages}
    edits = {one.place: one for one in _changes(history, ChangeKind.EDITED) if one.place not in gone}
    return list(edits.values())[-1]


def _swap(history: History, old: StoredChange, new: StoredChange) -> None:
    team = history.chat.team
    team.changes[team.changes.index(old)] = new


def an_edit_is_acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    history.chat.team.changes.remove(edit)


def an_edit_stores_another_text(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    assert edit.message is not None
    _swap(history, edit, replace(edit, message=replace(edit.message, text="another")))


def an_edit_is_shown_with_another_text(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    history.chat.contents[edit.seq] = f"edited|{edit.room}|{edit.place}|ann|another"


def an_edit_is_stored_twice(history: History, _: random.Random) -> None:
    history.chat.team.changes.append(replace(_last_edit(history), seq=9999))


def a_retry_undoes_a_later_edit(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    team = history.chat.team
    wish = next(one for one in team.wishes if one.seq == edit.seq)
    assert edit.message is not None
    team.wishes.append(replace(wish, number=wish.number + 1, text="later", done=None))
    later = replace(edit, seq=9998, message=replace(edit.message, text="later"))
    team.changes += [later, replace(edit, seq=9999)]


def an_edit_moves_the_message(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    _swap(history, edit, replace(edit, place=edit.place + 1))


def a_page_shows_the_text_before(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    sent = history.sent[edit.key]
    shown = {edit.place: f"{edit.room}|{sent.author}|{sent.text}"}
    history.chat.pages.append(HistoryPage(edit.room, END + 20, shown, latest=False))


def the_text_before_reaches_a_reader(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    history.chat.shown_after_removal.append(LateDelivery("ann", "g1", edit.replaced, END + 20))


def a_reaction_is_acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    history.chat.team.changes.remove(_changes(history, ChangeKind.REACTION)[-1])


def a_reaction_is_stored_twice(history: History, _: random.Random) -> None:
    history.chat.team.changes.append(replace(_changes(history, ChangeKind.REACTION)[-1], seq=9999))


def a_reaction_counts_wrongly(history: History, _: random.Random) -> None:
    one = _changes(history, ChangeKind.REACTION)[-1]
    _swap(history, one, replace(one, count=one.count + 1))


def nobody_asked_for_a_reaction(history: History, _: random.Random) -> None:
    one = _changes(history, ChangeKind.REACTION)[-1]
    history.chat.team.changes.append(replace(one, seq=9999, user="mallory", count=one.count + 1))


def a_late_retry_undoes_a_reaction(history: History, _: random.Random) -> None:
    gone = {one.removes for one in history.chat.messages}
    one = [one for one in _changes(history, ChangeKind.REACTION) if one.place not in gone][-1]
    count = one.count + (-1 if one.on else 1)
    team = history.chat.team
    wish = next(wish for wish in team.wishes if wish.seq == one.seq)
    team.wishes.insert(0, replace(wish, on=not one.on, done=None))
    team.changes.append(replace(one, seq=9999, on=not one.on, count=count))


def a_pin_is_stored_twice(history: History, _: random.Random) -> None:
    history.chat.team.changes.append(replace(_changes(history, ChangeKind.PINNED)[-1], seq=9999))


def a_pin_is_acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    history.chat.team.changes.remove(_changes(history, ChangeKind.PINNED)[-1])


def a_message_that_exists_is_unknown(history: History, _: random.Random) -> None:
    removed = {one.seq for one in history.chat.removals}
    place = next(one.seq for one in history.chat.messages if one.seq not in removed)
    history.chat.team.unknown.append(UnknownMessage(place, END, END + 1))


def _a_place(history: History, who: str, rng: random.Random) -> tuple[dict[int, Shown], int]:
    rest = next(one for one in history.chat.team.rest if one.who == who and one.room == "general")
    return rest.shown, rng.choice(sorted(rest.shown))


def a_gateway_lacks_a_message_at_rest(history: History, rng: random.Random) -> None:
    shown, place = _a_place(history, "g1", rng)
    del shown[place]


def a_device_shows_a_removed_message(history: History, _: random.Random) -> None:
    seq = history.chat.removals[0].seq
    room = next(one.room for one in history.chat.messages if one.seq == seq)
    rest = next(one for one in history.chat.team.rest if one.who == "ann (1)" and one.room == room)
    rest.shown[seq] = Shown("ann|text")


def a_device_shows_the_text_before(history: History, _: random.Random) -> None:
    edit = _last_edit(history)
    for rest in history.chat.team.rest:
        if edit.place in rest.shown:
            rest.shown[edit.place] = replace(rest.shown[edit.place], text="ann|before")


def a_gateway_lacks_a_reaction_at_rest(history: History, rng: random.Random) -> None:
    shown, place = _a_place(history, "g1", rng)
    shown[place] = replace(shown[place], reactions=(("❤️", frozenset({"ann"})),))


def a_device_lacks_a_pin(history: History, rng: random.Random) -> None:
    shown, place = _a_place(history, "ann (1)", rng)
    shown[place] = replace(shown[place], pinned=not shown[place].pinned)


def a_thread_lacks_a_reply(history: History, _: random.Random) -> None:
    rest = next(one for one in history.chat.team.rest if one.thread)
    rest.shown.clear()


def a_thread_counts_wrongly(history: History, rng: random.Random) -> None:
    shown, place = _a_place(history, "g1", rng)
    shown[place] = replace(shown[place], replies=99)


def _alive(history: History) -> Download:
    return next(one for one in history.chat.team.downloads if one.digest)


def a_file_has_other_bytes(history: History, _: random.Random) -> None:
    history.chat.team.downloads.append(replace(_alive(history), digest="other", at_rest=False))


def a_file_is_gone(history: History, _: random.Random) -> None:
    history.chat.team.downloads.append(replace(_alive(history), digest=""))


def a_file_outlives_its_message(history: History, _: random.Random) -> None:
    removed = {one.key for one in history.chat.removals}
    team = history.chat.team
    file = next((one for one in team.files if one.key in removed), None)
    if file is None:
        file = replace(team.files[0], key=history.chat.removals[0].key, ident="late")
        team.files.append(file)
    team.downloads.append(Download(file.ident, "ann", END, END + 1, file.digest, at_rest=True))


def a_file_is_in_two_messages(history: History, _: random.Random) -> None:
    life = history.chat
    with_file = next(one for one in life.messages if one.files)
    place = next(number for number, one in enumerate(life.messages) if one.removes is None and not one.files)
    life.messages[place] = replace(life.messages[place], files=with_file.files)


def a_search_lacks_a_message(history: History, _: random.Random) -> None:
    team = history.chat.team
    team.found[0] = replace(team.found[0], there=False)


def a_search_finds_the_text_before(history: History, _: random.Random) -> None:
    team = history.chat.team
    team.found[0] = replace(team.found[0], text="before")


def a_search_shows_a_room_to_others(history: History, _: random.Random) -> None:
    team = history.chat.team
    team.found.append(replace(team.found[0], room=ROOM, there=True, may_read=False))


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("change lost", an_edit_is_acknowledged_and_not_stored),
    ("message altered", an_edit_stores_another_text),
    ("message altered", an_edit_is_shown_with_another_text),
    ("edit doubled", an_edit_is_stored_twice),
    ("edit undone", a_retry_undoes_a_later_edit),
    ("edit misplaced", an_edit_moves_the_message),
    ("edit undone", a_page_shows_the_text_before),
    ("removed message", the_text_before_reaches_a_reader),
    ("change lost", a_reaction_is_acknowledged_and_not_stored),
    ("reaction doubled", a_reaction_is_stored_twice),
    ("reaction count", a_reaction_counts_wrongly),
    ("change unasked", nobody_asked_for_a_reaction),
    ("reaction undone", a_late_retry_undoes_a_reaction),
    ("pin doubled", a_pin_is_stored_twice),
    ("change lost", a_pin_is_acknowledged_and_not_stored),
    ("message lost", a_message_that_exists_is_unknown),
    ("room missed", a_gateway_lacks_a_message_at_rest),
    ("room invented", a_device_shows_a_removed_message),
    ("room differs", a_device_shows_the_text_before),
    ("room differs", a_gateway_lacks_a_reaction_at_rest),
    ("room differs", a_device_lacks_a_pin),
    ("room missed", a_thread_lacks_a_reply),
    ("room differs", a_thread_counts_wrongly),
    ("file damaged", a_file_has_other_bytes),
    ("file lost", a_file_is_gone),
    ("removed file", a_file_outlives_its_message),
    ("file doubled", a_file_is_in_two_messages),
    ("search wrong", a_search_lacks_a_message),
    ("search wrong", a_search_finds_the_text_before),
    ("seen by a non-member", a_search_shows_a_room_to_others),
)
