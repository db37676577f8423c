"""The checker finds no violation in a correct history, and every kind of violation in a corrupted one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.verification.checker import Bounds, check, max_late, overlap
from tests.faults.verification.history import (
    Accepted,
    CourseReader,
    History,
    Holding,
    Listing,
    NameWait,
    Outage,
    Presence,
    Reader,
    Segment,
    Seqs,
    StateComparison,
    StoredEvent,
    StoredMessage,
)

BOUNDS = Bounds(lease=30, name=30)


def event(seq: int, kind: str, operation: str, at: float, command: str = "create") -> StoredEvent:
    return StoredEvent(seq, kind, operation, f"i-{operation}", command, "stopped", at)


def right() -> History:
    """Four messages, two commands, a reader that resumed, a user who left, and a reused name."""
    history = History(delay=10)
    history.sent = {"a", "b", "c", "d", "unacknowledged"}
    history.messages = [StoredMessage(seq, key) for seq, key in ((1, "a"), (3, "b"), (4, "c"), (6, "d"))]
    history.acks = [("a", 1), ("b", 3), ("d", 6), ("a", 1)]
    history.readers = [
        Reader("r", [Segment(0, Seqs([1, 3])), Segment(3, Seqs([4, 6]))], stayed=True),
        Reader("late", [Segment(3, Seqs([4]))]),
    ]
    history.course = [CourseReader("k", ["b", "c"])]
    history.accepted = [
        Accepted("o1", "create", "i-o1", "k1", 99, 100),
        Accepted("o1", "create", "i-o1", "k1", 101, 102),
        Accepted("o2", "stop", "i-o2", "k2", 100, 101, cancelled=True),
    ]
    history.events = [
        event(1, "received", "o1", 100),
        event(2, "received", "o2", 101, "stop"),
        event(5, "cancelled", "o2", 103, "stop"),
        event(7, "created", "o1", 110.2),
        event(9, "retained", "o1", 500),
    ]
    history.watchers = [Reader("w", [Segment(0, Seqs([1, 2])), Segment(2, Seqs([5, 7]))], stayed=True)]
    history.folds = [StateComparison("w", 7, {"i": "stopped "}, {"i": "stopped "})]
    history.presences = [Presence("p", 10, 50), Presence("p", 60, 90), Presence("q", 10, None)]
    history.listings = [Listing("r", "p", 11, 100), Listing("r", "q", 10, 900)]
    history.holdings = [Holding("n", "u1", 10, 20), Holding("n", "u2", 21, 30)]
    history.stuck = [NameWait("n", 20, 25)]
    return history


def test_what_is_right_is_passed() -> None:
    assert check(right(), BOUNDS) == []
    assert max_late(right()) == pytest.approx(0.2)


def reader_saw(*seqs: int) -> Callable[[History], None]:
    def corrupt(history: History) -> None:
        history.readers[0].segments[1].seqs = Seqs(seqs)

    return corrupt


def watcher_saw(*seqs: int) -> Callable[[History], None]:
    def corrupt(history: History) -> None:
        history.watchers[0].segments[1].seqs = Seqs(seqs)

    return corrupt


def without_event(seq: int) -> Callable[[History], None]:
    def corrupt(history: History) -> None:
        history.events = [one for one in history.events if one.seq != seq]
        history.watchers = []

    return corrupt


def final_at(at: float) -> Callable[[History], None]:
    def corrupt(history: History) -> None:
        history.events[3] = replace(history.events[3], at=at)

    return corrupt


def with_event(one: StoredEvent) -> Callable[[History], None]:
    def corrupt(history: History) -> None:
        history.events.append(one)
        history.watchers = []

    return corrupt


def store_again(history: History) -> None:
    history.messages.append(StoredMessage(8, "a"))
    history.readers[0].segments[1].seqs.append(8)


def store_unsaid(history: History) -> None:
    history.messages.append(StoredMessage(8, "z"))
    history.readers[0].segments[1].seqs.append(8)


def swap(history: History) -> None:
    history.messages[0], history.messages[1] = history.messages[1], history.messages[0]


def refuse(history: History) -> None:
    history.refused.append("internal")


def leave_over(history: History) -> None:
    history.left_over.append("p is still present")


CORRUPTIONS: list[tuple[str, Callable[[History], object]]] = [
    ("message lost", lambda h: h.acks.append(("unacknowledged", 9))),
    ("message lost", lambda h: h.acks.append(("a", 3))),
    ("message doubled", store_again),
    ("message unsaid", store_unsaid),
    ("message order", swap),
    ("message missed", reader_saw(6)),
    ("message missed", reader_saw(4)),
    ("message doubled", reader_saw(4, 4, 6)),
    ("message invented", reader_saw(4, 5, 6)),
    ("message order", reader_saw(6, 4)),
    ("message resumed elsewhere", lambda h: setattr(h.readers[0].segments[1], "after", 1)),
    ("message doubled", lambda h: h.readers[1].segments[0].seqs.append(4)),
    ("course unsaid", lambda h: h.course[0].keys.append("nobody's")),
    ("course doubled", lambda h: h.course[0].keys.append("b")),
    ("course missed", lambda h: h.course[0].keys.append("a")),
    ("course missed", lambda h: h.course.append(CourseReader("l", ["a", "c"]))),
    ("command lost", lambda h: h.accepted.append(Accepted("o9", "create", "i", "k9", 1, 2))),
    ("command doubled", lambda h: h.accepted.append(replace(h.accepted[0], operation="o2"))),
    ("command doubled", with_event(event(11, "created", "o1", 111))),
    ("command doubled", with_event(event(11, "received", "o1", 111))),
    ("command unfinished", without_event(7)),
    ("command lost", without_event(1)),
    ("command wrong", lambda h: h.events.__setitem__(3, replace(h.events[3], type="started"))),
    ("command wrong", lambda h: h.events.__setitem__(2, replace(h.events[2], type="stopped", at=111.1))),
    ("command early", final_at(109.9)),
    ("command late", final_at(119)),
    ("event missed", watcher_saw(7)),
    ("event missed", watcher_saw(5)),
    ("event doubled", watcher_saw(5, 5, 7)),
    ("event invented", watcher_saw(5, 6, 7)),
    ("dashboard", lambda h: h.folds.append(StateComparison("w", 7, {"i": "stopped "}, {"i": "running "}))),
    ("dashboard", lambda h: h.folds.append(StateComparison("w", 7, {}, {"i": "running "}))),
    ("ghost", lambda h: h.listings.append(Listing("r", "p", 11, 130))),
    ("ghost", lambda h: h.listings.append(Listing("r", "never there", 11, 50))),
    ("name held twice", lambda h: h.holdings.append(Holding("n", "u3", 25, 40))),
    ("name stuck", lambda h: h.stuck.append(NameWait("n", 20, 60))),
    ("refusal", refuse),
    ("left over", leave_over),
]


@pytest.mark.parametrize(("rule", "corrupt"), CORRUPTIONS)
def test_each_corruption_is_found(rule: str, corrupt: Callable[[History], object]) -> None:
    history = right()
    corrupt(history)
    assert rule in {violation.rule for violation in check(history, BOUNDS)}


def test_an_outage_excuses_what_is_late_and_nothing_else() -> None:
    history = right()
    final_at(140)(history)
    history.listings.append(Listing("r", "p", 11, 140))
    history.stuck.append(NameWait("n", 100, 140))
    rules = {violation.rule for violation in check(history, BOUNDS)}
    assert rules == {"command late", "ghost", "name stuck"}
    history.outages = [Outage("broker-kill", 105, 130), Outage("chat-kill", 120, 135)]
    assert check(history, BOUNDS) == []
    history.outages = [Outage("reader-slow", 100, 140), Outage("gateway-kill", 100, 140)]
    assert {violation.rule for violation in check(history, BOUNDS)} == {"command late"}
    history.outages = [Outage("cloud-kill", 100, 140)]
    assert {violation.rule for violation in check(history, BOUNDS)} == {"ghost", "name stuck"}
    final_at(109)(history)
    assert "command early" in {violation.rule for violation in check(history, BOUNDS)}


def test_sequences_are_kept_as_they_came() -> None:
    came = [7, 8, 9, 9, 10, 3, 4, 12]
    seqs = Seqs(came)
    assert (list(seqs), len(seqs), seqs.last, seqs.most()) == (came, len(came), 12, 12)
    assert seqs.runs() == [(7, 9), (9, 10), (3, 4), (12, 12)]
    ascending = Seqs([1, 2, 3, 7, 8, 20])
    assert ascending.within(1, 7) == [(2, 3), (7, 7)]
    assert ascending.within(8, 100) == [(20, 20)]
    assert ascending.within(20, 100) == [] == Seqs().within(0, 9)


def test_overlapping_outages_count_once() -> None:
    outages = [Outage("b", 5, 8), Outage("a", 0, 6), Outage("c", 20, 30)]
    assert overlap(2, 25, outages) == 6 + 5
