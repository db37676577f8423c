"""Followed threads: positions only rise, choices last, and a person follows a limited number."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain import following as rules
from opsroom_contracts.chat.threads import FOLLOWED_MAX, FollowedThreads, ThreadPosition

THREADS = st.sampled_from(["one", "two", "three"])
SEQUENCES = st.integers(0, 30)


@dataclass(frozen=True)
class Change:
    """A change of the threads of a person, for messages up to ``head``."""

    name: str
    apply: Callable[[rules.Threads, int], rules.Threads | None]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    thread = draw(THREADS)
    match draw(st.sampled_from(["reply", "author", "stop", "read"])):
        case "reply":
            return Change("reply", lambda known, head: rules.followed(known, thread, "ops", head, again=True))
        case "author":
            return Change(
                "author", lambda known, head: rules.followed(known, thread, "ops", head, again=False)
            )
        case "stop":
            return Change("stop", lambda known, head: rules.unfollowed(known, thread, head))
        case _:
            seq = draw(SEQUENCES)
            return Change("read", lambda known, head: rules.read_to(known, thread, seq, unread=0, as_of=head))


@given(st.lists(changes(), max_size=20))
def test_positions_only_rise_and_a_repeated_change_changes_nothing(done: list[Change]) -> None:
    """Processes repeat changes after conflicts and retries."""
    known: rules.Threads = {}
    for head, change in enumerate(done, start=30):
        after = change.apply(known, head)
        if after is None:
            continue
        assert change.apply(after, head) is None, change.name
        assert all(after[one].read >= known[one].read for one in known)
        assert all(one.as_of >= one.read for one in after.values())
        known = after


def position(read: int, *, following: bool = True) -> ThreadPosition:
    return ThreadPosition(room="ops", read=read, as_of=read, following=following)


def test_who_has_stopped_following_is_called_back_by_a_reply_or_a_mention_alone() -> None:
    stopped = rules.unfollowed({"one": position(3)}, "one", 7)
    assert stopped == {"one": position(7, following=False)}
    assert rules.followed(stopped, "one", "ops", 9, again=False) is None
    assert rules.followed(stopped, "one", "ops", 9, again=True) == {"one": position(9)}
    assert rules.read_to(stopped, "one", 9, unread=0, as_of=9) is None
    assert rules.unfollowed({}, "one", 7) is None


@given(st.lists(st.tuples(SEQUENCES, st.booleans()), min_size=FOLLOWED_MAX, max_size=FOLLOWED_MAX))
def test_the_thread_read_longest_ago_makes_room(reads: list[tuple[int, bool]]) -> None:
    known = {
        f"t{number}": position(read, following=following) for number, (read, following) in enumerate(reads)
    }
    after = rules.followed(known, "new", "ops", 0, again=True)
    assert after is not None
    assert "new" in after
    (gone,) = set(known) - set(after)
    kept = [one for thread, one in known.items() if thread != gone]
    assert all((known[gone].following, known[gone].read) <= (one.following, one.read) for one in kept)


def test_positions_of_another_stream_are_void_and_what_is_followed_stays() -> None:
    threads = {
        "one": ThreadPosition(room="ops", read=70, unread=2, as_of=80),
        "two": position(9, following=False),
    }
    record = FollowedThreads(user_id="ann", epoch="one", threads=threads)
    assert rules.current(record, "one", 5) == threads
    assert rules.current(record, "two", 5) == {"one": position(5), "two": position(5, following=False)}
    assert rules.current(None, "one", 5) == {}
