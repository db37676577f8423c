"""When the delivery of an event is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from opsroom_incidents.domain.retries import RetryRule

RULE = RetryRule()
DAY = timedelta(days=1)
ATTEMPTS = st.integers(min_value=1, max_value=10_000)
CHANCES = st.floats(min_value=0, max_value=1)
WANTED = st.none() | st.floats(min_value=0, max_value=1e9)


@given(attempts=ATTEMPTS, chance=CHANCES, wanted=WANTED)
def test_a_delay_is_from_five_seconds_to_a_day(attempts: int, chance: float, wanted: float | None) -> None:
    assert timedelta(seconds=5) <= RULE.delay(attempts, chance, wanted) <= DAY


@given(attempts=ATTEMPTS, chance=CHANCES, later=CHANCES)
def test_delays_never_become_shorter(attempts: int, chance: float, later: float) -> None:
    assert RULE.delay(attempts, chance) <= RULE.delay(attempts + 1, later)


@given(attempts=ATTEMPTS, chance=CHANCES, wanted=st.floats(min_value=0, max_value=DAY.total_seconds()))
def test_a_receiver_is_never_asked_earlier_than_it_wants(attempts: int, chance: float, wanted: float) -> None:
    delay = RULE.delay(attempts, chance, wanted)
    assert delay >= timedelta(seconds=wanted) - timedelta(microseconds=1)
    assert delay >= RULE.delay(attempts, chance)


def test_a_day_is_reached() -> None:
    assert [RULE.delay(number, 0).total_seconds() for number in (1, 2, 3)] == [5, 10, 20]
    assert RULE.delay(16, 0) == DAY
    assert RULE.delay(14, 0) < DAY
