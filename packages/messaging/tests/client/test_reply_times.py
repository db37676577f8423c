"""ReplyTimes."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_messaging.client.reply_times import ReplyTimes

SHORTEST, LONGEST = 0.6, 3.0
SECONDS = st.floats(min_value=0, max_value=60)


@given(st.lists(SECONDS))
def test_the_timeout_stays_within_its_bounds(replies: list[float]) -> None:
    times = ReplyTimes(SHORTEST, LONGEST)
    for seconds in replies:
        times.add(seconds, sent_at=0)
    assert SHORTEST <= times.timeout <= LONGEST


@given(st.lists(SECONDS, max_size=50), st.floats(min_value=SHORTEST, max_value=LONGEST))
def test_it_follows_a_service_that_becomes_slow(before: list[float], slow: float) -> None:
    times = ReplyTimes(SHORTEST, LONGEST)
    for seconds in [*before, *[slow] * 100]:
        times.add(seconds, sent_at=0)
    assert times.timeout >= slow * 0.99


@given(st.lists(SECONDS, max_size=50))
def test_it_returns_to_the_shortest_once_replies_are_fast(before: list[float]) -> None:
    times = ReplyTimes(SHORTEST, LONGEST)
    for seconds in [*before, *[0.005] * 100]:
        times.add(seconds, sent_at=0)
    assert times.timeout == SHORTEST


def test_only_a_reply_to_something_sent_later_shows_that_the_service_is_alive() -> None:
    times = ReplyTimes(SHORTEST, LONGEST)
    assert not times.has_answered_after(10)
    times.add(0.1, sent_at=10)
    times.add(0.1, sent_at=5)
    assert not times.has_answered_after(10)
    times.add(0.1, sent_at=11)
    assert times.has_answered_after(10)
