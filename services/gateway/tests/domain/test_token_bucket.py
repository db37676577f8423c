"""Token buckets, and how deep JSON is nested."""

import json

from hypothesis import given
from hypothesis import strategies as st

from opsroom_gateway.domain.json_depth import exceeds_depth
from opsroom_gateway.domain.token_bucket import MAX_KEYS, Rate, TokenBuckets

GAPS = st.lists(st.floats(min_value=0, max_value=5), max_size=200)


@given(rate=st.floats(min_value=0.1, max_value=50), burst=st.integers(min_value=1, max_value=20), gaps=GAPS)
def test_never_more_than_the_burst_and_what_time_gave(rate: float, burst: int, gaps: list[float]) -> None:
    buckets = TokenBuckets(Rate(rate, burst))
    now, granted = 0.0, 0
    for gap in gaps:
        now += gap
        granted += buckets.acquire("one", now) == 0
        assert granted <= burst + now * rate + 1e-6


@given(rate=st.floats(min_value=0.1, max_value=50), burst=st.integers(min_value=1, max_value=20))
def test_who_waits_as_told_is_served(rate: float, burst: int) -> None:
    buckets = TokenBuckets(Rate(rate, burst))
    now = 0.0
    for _ in range(3 * burst):
        wait = buckets.acquire("one", now)
        if wait:
            now += wait + 1e-6
            assert buckets.acquire("one", now) == 0


def test_one_does_not_pay_for_another_and_what_is_spent_elsewhere_counts() -> None:
    buckets = TokenBuckets(Rate(1, 2))
    assert [buckets.acquire("a", 0) for _ in range(3)] == [0, 0, 1]
    assert buckets.acquire("b", 0) == 0
    buckets.acquire_remote("c", 1_000_000, 0)
    assert buckets.acquire("c", 0) == 3
    assert TokenBuckets(Rate(0, 1)).acquire("anyone", 0) == 0


def test_a_crowd_of_keys_does_not_grow_for_ever() -> None:
    buckets = TokenBuckets(Rate(1, 1))
    for n in range(MAX_KEYS + 10):
        buckets.acquire(str(n), 0)
    assert len(buckets) == MAX_KEYS


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


TREES = st.recursive(
    st.text(alphabet='[]{}"\\a', max_size=6) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(value=TREES, limit=st.integers(min_value=0, max_value=6))
def test_depth_is_that_of_the_parsed_value(value: object, limit: int) -> None:
    text = json.dumps(value)
    assert exceeds_depth(text, limit) == exceeds_depth(text.encode(), limit) == (depth_of(value) > limit)


def test_no_text_makes_it_slow() -> None:
    assert exceeds_depth(b'"\\' * 500_000 + b"[" * 40, 32) is False
    assert exceeds_depth(b"[" * 500_000, 32) is True
