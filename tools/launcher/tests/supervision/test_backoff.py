"""Backoff: grows to its limit, has jitter, and resets."""

from opsroom_launcher.supervision.backoff import FIRST_SECONDS, FORGIVEN_AFTER_SECONDS, MAX_SECONDS, Backoff


def test_waits_double_up_to_the_limit() -> None:
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.after(0.0) for _ in range(8)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, MAX_SECONDS, MAX_SECONDS, MAX_SECONDS]


def test_jitter_takes_off_half_at_most() -> None:
    assert Backoff(lambda: 0.0).after(0.0) == FIRST_SECONDS / 2


def test_long_life_starts_over() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(5):
        backoff.after(FORGIVEN_AFTER_SECONDS - 0.1)
    assert backoff.after(FORGIVEN_AFTER_SECONDS) == FIRST_SECONDS
