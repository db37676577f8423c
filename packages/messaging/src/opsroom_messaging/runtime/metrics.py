"""What a process counts about itself: plain numbers, put into the form of Prometheus only when they are read.

Counting is one addition to a dict, in the one thread that there is. The library that writes the page is
imported with the first page, so a process that nobody reads pays neither its import nor its locks.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import TypeVar

LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of what takes milliseconds when all is well."""
LATENESS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Labels = tuple[str, ...]


class Counter:
    """Grows. ``values``: by the values of its labels."""

    def __init__(self, text: str, labels: Labels) -> None:
        self.text = text
        self.labels = labels
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Count ``amount`` for these values of the labels."""
        self.values[labels] = self.values.get(labels, 0) + amount


class HistogramData:
    """How many of each measure of a histogram: ``counts`` has one more than there are bounds."""

    __slots__ = ("counts", "total")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.total = 0.0


class Histogram:
    """Measures, sorted into buckets by their upper bounds."""

    def __init__(self, text: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.text = text
        self.labels = labels
        self.bounds = bounds
        self.values: dict[Labels, HistogramData] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Count one measure for these values of the labels."""
        distribution = self.values.get(labels)
        if distribution is None:
            distribution = self.values[labels] = HistogramData(len(self.bounds))
        distribution.counts[bisect_left(self.bounds, value)] += 1
        distribution.total += value


class CallbackMetric:
    """What is asked for when the page is made: a number that something else keeps anyway.

    ``grows``: it is a count, not a level. ``sources``: each answers numbers by the values of the labels.
    """

    def __init__(self, text: str, labels: Labels, *, grows: bool) -> None:
        self.text = text
        self.labels = labels
        self.grows = grows
        self.sources: list[Callable[[], Mapping[Labels, float]]] = []

    def values(self) -> dict[Labels, float]:
        """All numbers; those of the same labels added up."""
        together: dict[Labels, float] = {}
        for source in self.sources:
            for labels, value in source().items():
                together[labels] = together.get(labels, 0) + value
        return together


Metric = Counter | Histogram | CallbackMetric
MetricT = TypeVar("MetricT", Counter, Histogram, CallbackMetric)


class Metrics:
    """All that one process counts, by name. Asking for a name again gives the same metric."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, text: str, labels: Labels = ()) -> Counter:
        """Something that grows; ``name`` without the ending ``_total``."""
        return self._keep(name, Counter(text, labels))

    def histogram(
        self, name: str, text: str, labels: Labels = (), bounds: tuple[float, ...] = LATENCY_SECONDS
    ) -> Histogram:
        """Measures of something."""
        return self._keep(name, Histogram(text, labels, bounds))

    def gauge(
        self, name: str, text: str, read: Callable[[], Mapping[Labels, float]], labels: Labels = ()
    ) -> None:
        """A number that goes up and down, read from ``read``."""
        self._keep(name, CallbackMetric(text, labels, grows=False)).sources.append(read)

    def counter_callback(
        self, name: str, text: str, read: Callable[[], Mapping[Labels, float]], labels: Labels = ()
    ) -> None:
        """A number that only grows, read from ``read``."""
        self._keep(name, CallbackMetric(text, labels, grows=True)).sources.append(read)

    def all(self) -> list[tuple[str, Metric]]:
        """Every metric with its name, in the order of the names."""
        return sorted(self._metrics.items())

    def _keep(self, name: str, metric: MetricT) -> MetricT:
        known = self._metrics.setdefault(name, metric)
        if not isinstance(known, type(metric)) or known.labels != metric.labels:
            raise AssertionError(f"{name} is two different metrics")
        return known


def single(read: Callable[[], float]) -> Callable[[], Mapping[Labels, float]]:
    """A source without labels."""
    return lambda: {(): read()}
