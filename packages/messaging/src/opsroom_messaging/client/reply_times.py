"""Estimate of how long a service takes to reply, to know when a request is worth sending again. Pure."""

_SMOOTHING = 0.125
_VARIATION_SMOOTHING = 0.25
_VARIATIONS = 4


class ReplyTimes:
    """The smoothed mean and variation of reply times, as TCP estimates round trips (RFC 6298).

    Only the first reply to a request counts, and the time of the attempt that it belongs to. So a process
    that never replies changes nothing, while a service that is slow as a whole raises the estimate.
    """

    def __init__(self, shortest: float, longest: float) -> None:
        """``shortest`` and ``longest``: bounds of the timeout, in seconds."""
        self._shortest = shortest
        self._longest = longest
        self._mean: float | None = None
        self._variation = 0.0
        self._last_answered = float("-inf")

    def add(self, seconds: float, sent_at: float) -> None:
        """Add the time of one reply to what was sent at ``sent_at``, on any monotonic clock."""
        self._last_answered = max(self._last_answered, sent_at)
        if self._mean is None:
            self._mean, self._variation = seconds, seconds / 2
            return
        self._variation += _VARIATION_SMOOTHING * (abs(self._mean - seconds) - self._variation)
        self._mean += _SMOOTHING * (seconds - self._mean)

    def has_answered_after(self, sent_at: float) -> bool:
        """Whether something that was sent after ``sent_at`` has a reply: the service as a whole is alive."""
        return self._last_answered > sent_at

    @property
    def timeout(self) -> float:
        """How long to wait for a reply before the request is sent again, in seconds."""
        if self._mean is None:
            return self._shortest
        return min(max(self._shortest, self._mean + _VARIATIONS * self._variation), self._longest)
