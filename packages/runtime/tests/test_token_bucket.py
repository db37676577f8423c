"""Token buckets."""

from hypothesis import given
from hypothesis import strategies as st

from opsroom_runtime.token_bucket import MAX_KEYS, Rate, TokenBuckets

GAPS = st.lists(st.floats(min_value=0, max_value=5), max_size=200)


@given(rate=st.floats(min_value=0.1, max_value=50), burst=st.integers(min_value=1, max_value=20), gaps=GAPS)
def test_no_more_than_burst_plus_rate_is_granted(rate: float, burst: int, gaps: list[float]) -> None:
    buckets = TokenBuckets(Rate(rate, burst))
    now, granted = 0.0, 0
    for gap in gaps:
        now += gap
        granted += buckets.acquire("one", now) == 0
        assert granted <= burst + now * rate + 1e-6


@given(rate=st.floats(min_value=0.1, max_value=50), burst=st.integers(min_value=1, max_value=20))
def test_a_client_that_waits_as_long_as_returned_is_served(rate: float, burst: int) -> None:
    buckets = TokenBuckets(Rate(rate, burst))
    now = 0.0
    for _ in range(3 * burst):
        wait = buckets.acquire("one", now)
        if wait:
            now += wait + 1e-6
            assert buckets.acquire("one", now) == 0


def test_keys_are_independent_and_remote_tokens_count() -> None:
    buckets = TokenBuckets(Rate(1, 2))
    assert [buckets.acquire("a", 0) for _ in range(3)] == [0, 0, 1]
    assert buckets.acquire("b", 0) == 0
    buckets.acquire_remote("c", 1_000_000, 0)
    assert buckets.acquire("c", 0) == 3
    assert TokenBuckets(Rate(0, 1)).acquire("anyone", 0) == 0


def test_the_number_of_buckets_is_bounded() -> None:
    buckets = TokenBuckets(Rate(1, 1))
    for n in range(MAX_KEYS + 10):
        buckets.acquire(str(n), 0)
    assert len(buckets) == MAX_KEYS
