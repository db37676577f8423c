"""Faults of messages: lost, doubled, altered, late, or removed and shown all the same."""

import random
from dataclasses import replace

from tests.faults.referee.made_up import BEGIN, END
from tests.faults.referee.mutation import Mutation, drop_seqs, long_segment, plain
from tests.faults.verification.history import (
    CourseReader,
    History,
    HistoryPage,
    LateDelivery,
    Removal,
    Sent,
)
from tests.faults.verification.readers import Reader, Segment
from tests.faults.verification.seqs import Arrivals, Seqs


def acknowledged_and_not_stored(history: History, _: random.Random) -> None:
    history.chat.acks.append(("unacknowledged", 9999))


def acknowledged_at_anothers_place(history: History, _: random.Random) -> None:
    first, second = plain(history)[:2]
    history.chat.acks.append((first.key, second.seq))


def stored_twice(history: History, _: random.Random) -> None:
    copy = replace(plain(history)[0], seq=9999, at=END)
    history.chat.messages.append(copy)


def stored_and_never_sent(history: History, rng: random.Random) -> None:
    del history.sent[rng.choice(plain(history)).key]


def stored_out_of_order(history: History, _: random.Random) -> None:
    messages = history.chat.messages
    messages[0], messages[1] = messages[1], messages[0]


def only_the_first_word_is_right(history: History, rng: random.Random) -> None:
    place = history.chat.messages.index(rng.choice(plain(history)))
    history.chat.messages[place] = replace(history.chat.messages[place], text="another")


def shown_with_another_text(history: History, rng: random.Random) -> None:
    history.chat.contents[rng.choice(plain(history)).seq] = "general|ann|another"


def stored_in_another_room(history: History, rng: random.Random) -> None:
    victim = rng.choice(plain(history))
    history.sent[victim.key] = Sent("elsewhere", victim.author, victim.text)


def shown_to_course_clients_with_another_text(history: History, _: random.Random) -> None:
    history.chat.course[0].contents[0] = "ann|another"


def a_reader_misses_one(history: History, rng: random.Random) -> None:
    segment = long_segment(history.chat.readers)
    kept = {one.seq for one in plain(history)}
    drop_seqs(segment, {rng.choice([seq for seq in list(segment.seqs)[:-1] if seq in kept])})


def a_reader_gets_one_twice(history: History, _: random.Random) -> None:
    segment = long_segment(history.chat.readers)
    segment.seqs = Seqs(sorted([*segment.seqs, segment.seqs.last]))


def a_reader_gets_what_is_not_stored(history: History, _: random.Random) -> None:
    segment = long_segment(history.chat.readers)
    stored = {one.seq for one in history.chat.messages}
    free = next(seq for seq in range(segment.after + 1, segment.seqs.last) if seq not in stored)
    segment.seqs = Seqs(sorted([*segment.seqs, free]))


def a_reader_gets_them_in_another_order(history: History, _: random.Random) -> None:
    segment = long_segment(history.chat.readers)
    first, second, *rest = segment.seqs
    segment.seqs = Seqs([second, first, *rest])


def a_reader_resumes_too_late(history: History, _: random.Random) -> None:
    later = max(history.chat.readers[0].segments[1:], key=lambda one: one.after)
    later.after += 1


def a_reader_is_reset_without_a_reason(history: History, _: random.Random) -> None:
    history.chat.readers[0].segments[-1].reset = True


def a_reader_gets_nothing_while_others_do(history: History, _: random.Random) -> None:
    """For ten minutes it is connected, and at the end it gets everything at once."""
    segment = Segment(0, fresh=True, where="g1", opened=BEGIN, closed=END + 30)
    for message in history.chat.messages:
        segment.seqs.append(message.seq)
        segment.arrivals.arrived(message.seq, END + 20)
    history.chat.readers.append(Reader("starved", [segment], stayed=True))


def a_reader_gets_nothing_until_it_goes(history: History, _: random.Random) -> None:
    segment = Segment(0, fresh=True, where="g1", opened=BEGIN, closed=END)
    history.chat.readers.append(Reader("starved", [segment]))


def a_reader_lags_all_the_time(history: History, _: random.Random) -> None:
    segment = long_segment(history.chat.readers)
    segment.closed = END + 200
    samples, segment.arrivals = segment.arrivals.samples(), Arrivals()
    for at, seq in samples:
        segment.arrivals.arrived(seq, at + 90)


def a_course_client_gets_what_is_not_stored(history: History, _: random.Random) -> None:
    history.chat.course[0].keys.append("invented")


def a_course_client_gets_one_twice(history: History, _: random.Random) -> None:
    history.chat.course[0].keys.append(history.chat.course[0].keys[0])


def a_course_client_misses_one(history: History, _: random.Random) -> None:
    keys = [one.key for one in plain(history) if one.room == "general"]
    history.chat.course.append(CourseReader("k", [keys[0], keys[2]]))


def a_page_of_history_lacks_one(history: History, rng: random.Random) -> None:
    page = max(history.chat.pages, key=lambda one: len(one.shown))
    del page.shown[rng.choice(sorted(page.shown)[1:-1])]


def a_page_of_history_is_old(history: History, _: random.Random) -> None:
    page = max(history.chat.pages, key=lambda one: len(one.shown))
    for seq in sorted(page.shown)[5:]:
        del page.shown[seq]


def a_removed_message_reappears_in_the_history(history: History, _: random.Random) -> None:
    removal = history.chat.removals[0]
    history.chat.pages.append(HistoryPage("general", END + 20, {removal.seq: "x"}, latest=False))


def a_removed_message_reaches_a_reader(history: History, _: random.Random) -> None:
    history.chat.shown_after_removal.append(LateDelivery("ann", "g1", history.chat.removals[0].seq, END + 20))


def a_removed_message_stays_in_the_stream(history: History, _: random.Random) -> None:
    seq = history.chat.removals[0].seq
    history.chat.messages = [one for one in history.chat.messages if one.removes != seq]


def a_message_that_exists_can_not_be_removed(history: History, _: random.Random) -> None:
    victim = plain(history)[-1]
    history.chat.removals.append(Removal(victim.seq, victim.key, victim.at, None, unknown=True))


MUTATIONS: tuple[tuple[str, Mutation], ...] = (
    ("message lost", acknowledged_and_not_stored),
    ("message lost", acknowledged_at_anothers_place),
    ("message doubled", stored_twice),
    ("message unsaid", stored_and_never_sent),
    ("message order", stored_out_of_order),
    ("message altered", only_the_first_word_is_right),
    ("message altered", shown_with_another_text),
    ("message altered", stored_in_another_room),
    ("message altered", shown_to_course_clients_with_another_text),
    ("message missed", a_reader_misses_one),
    ("message doubled", a_reader_gets_one_twice),
    ("message invented", a_reader_gets_what_is_not_stored),
    ("message order", a_reader_gets_them_in_another_order),
    ("message resumed elsewhere", a_reader_resumes_too_late),
    ("message reset", a_reader_is_reset_without_a_reason),
    ("message late", a_reader_gets_nothing_while_others_do),
    ("message late", a_reader_gets_nothing_until_it_goes),
    ("message late", a_reader_lags_all_the_time),
    ("course unsaid", a_course_client_gets_what_is_not_stored),
    ("course doubled", a_course_client_gets_one_twice),
    ("course missed", a_course_client_misses_one),
    ("history missed", a_page_of_history_lacks_one),
    ("history missed", a_page_of_history_is_old),
    ("removed message", a_removed_message_reappears_in_the_history),
    ("removed message", a_removed_message_reaches_a_reader),
    ("removed message", a_removed_message_stays_in_the_stream),
    ("refusal", a_message_that_exists_can_not_be_removed),
)
