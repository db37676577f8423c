"""In-process metrics: plain numbers, converted to Prometheus' format when they are scraped.

Counting is one dict update on the only thread. The library that renders the page is imported at the first
scrape, so a process without scrapes pays for neither its import nor its locks.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import TypeVar

LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bucket bounds for latencies that are normally milliseconds."""
LATENESS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Labels = tuple[str, ...]


class Counter:
    """A counter. ``values``: its value for each combination of label values."""

    def __init__(self, text: str, labels: Labels) -> None:
        self.text = text
        self.labels = labels
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Add ``amount`` to the counter with these label values."""
        self.values[labels] = self.values.get(labels, 0) + amount


class HistogramData:
    """The counts per bucket (one more than there are bounds) and the sum of the observed values."""

    __slots__ = ("counts", "total")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.total = 0.0


class Histogram:
    """A histogram with fixed upper bounds."""

    def __init__(self, text: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.text = text
        self.labels = labels
        self.bounds = bounds
        self.values: dict[Labels, HistogramData] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Record one value for these label values."""
        data = self.values.get(labels)
        if data is None:
            data = self.values[labels] = HistogramData(len(self.bounds))
        data.counts[bisect_left(self.bounds, value)] += 1
        data.total += value


class CallbackMetric:
    """A metric whose values are read at each scrape.

    Attributes:
        is_counter: whether it is a counter; else it is a gauge.
        sources: callables that return the values for each combination of label values.
    """

    def __init__(self, text: str, labels: Labels, *, is_counter: bool) -> None:
        self.text = text
        self.labels = labels
        self.is_counter = is_counter
        self.sources: list[Callable[[], Mapping[Labels, float]]] = []

    def values(self) -> dict[Labels, float]:
        """The values of all sources; those with the same labels are added up."""
        totals: dict[Labels, float] = {}
        for source in self.sources:
            for labels, value in source().items():
                totals[labels] = totals.get(labels, 0) + value
        return totals


Metric = Counter | Histogram | CallbackMetric
MetricT = TypeVar("MetricT", Counter, Histogram, CallbackMetric)


class Metrics:
    """The metrics registry of one process. Registering a name again returns the same metric."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, text: str, labels: Labels = ()) -> Counter:
        """A counter; ``name`` without the suffix ``_total``."""
        return self._register(name, Counter(text, labels))

    def histogram(
        self, name: str, text: str, labels: Labels = (), bounds: tuple[float, ...] = LATENCY_SECONDS
    ) -> Histogram:
        """A histogram."""
        return self._register(name, Histogram(text, labels, bounds))

    def gauge(
        self, name: str, text: str, read: Callable[[], Mapping[Labels, float]], labels: Labels = ()
    ) -> None:
        """A gauge whose values ``read`` returns."""
        self._register(name, CallbackMetric(text, labels, is_counter=False)).sources.append(read)

    def counter_callback(
        self, name: str, text: str, read: Callable[[], Mapping[Labels, float]], labels: Labels = ()
    ) -> None:
        """A counter whose values ``read`` returns."""
        self._register(name, CallbackMetric(text, labels, is_counter=True)).sources.append(read)

    def all(self) -> list[tuple[str, Metric]]:
        """All metrics with their names, sorted by name."""
        return sorted(self._metrics.items())

    def _register(self, name: str, metric: MetricT) -> MetricT:
        registered = self._metrics.setdefault(name, metric)
        if not isinstance(registered, type(metric)) or registered.labels != metric.labels:
            raise AssertionError(f"the metric {name} is already registered with another type or other labels")
        return registered


def single(read: Callable[[], float]) -> Callable[[], Mapping[Labels, float]]:
    """A source of one value without labels."""
    return lambda: {(): read()}
