"""Backoff: exponential, with full jitter."""

from opsroom_client.backoff import Backoff


def test_the_ceiling_doubles_up_to_a_limit_and_is_reset_by_a_success() -> None:
    ranges: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        ranges.append((low, high))
        return high

    backoff = Backoff(1.0, 5.0, draw)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next(at_least=10) == 11
    assert all(low == 0 for low, _ in ranges)


def test_delays_are_spread_over_the_whole_range() -> None:
    first = [Backoff(1.0, 5.0).next() for _ in range(200)]
    assert min(first) < 0.3
    assert 0.7 < max(first) <= 1
