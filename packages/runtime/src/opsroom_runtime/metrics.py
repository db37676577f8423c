"""In-process metrics: plain numbers, which ``prometheus_client`` exposes when they are scraped.

Counting is one dict update on the only thread. The library's own counters would take a lock and look up the
labels each time.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

PREFIX = "opsroom_"
LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bucket bounds for latencies that are normally milliseconds."""
LATENESS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Labels = tuple[str, ...]
Source = Callable[[], Mapping[Labels, float]]
"""Returns the values for each combination of label values."""


class CallbackMetric(Collector):
    """A counter or gauge whose values are read at each scrape. ``sources``: where they are read from."""

    def __init__(
        self, family: type[CounterMetricFamily | GaugeMetricFamily], name: str, text: str, labels: Labels
    ) -> None:
        self.family = family
        self.name = name
        self.text = text
        self.labels = labels
        self.sources: list[Source] = []

    def collect(self) -> Iterator[Metric]:
        """Yield the values of all sources; those with the same labels are added up."""
        totals: dict[Labels, float] = {}
        for source in self.sources:
            for labels, value in source().items():
                totals[labels] = totals.get(labels, 0) + value
        family = self.family(self.name, self.text, labels=self.labels)
        for labels, value in totals.items():
            family.add_metric(labels, value)
        yield family


class Counter(CallbackMetric):
    """A counter. ``values``: its value for each combination of label values."""

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        super().__init__(CounterMetricFamily, name, text, labels)
        self.values: dict[Labels, float] = {}
        self.sources.append(lambda: self.values)

    def add(self, *labels: str, amount: float = 1) -> None:
        """Add ``amount`` to the counter with these label values."""
        self.values[labels] = self.values.get(labels, 0) + amount


class HistogramData:
    """The counts per bucket (one more than there are bounds) and the sum of the observed values."""

    __slots__ = ("counts", "total")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.total = 0.0


class Histogram(Collector):
    """A histogram with fixed upper bounds."""

    def __init__(self, name: str, text: str, labels: Labels, bounds: tuple[float, ...]) -> None:
        self.family = HistogramMetricFamily
        self.name = name
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

    def collect(self) -> Iterator[Metric]:
        """Yield the cumulative counts and the sum for each combination of label values."""
        family = self.family(self.name, self.text, labels=self.labels)
        bounds = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        for labels, data in self.values.items():
            family.add_metric(labels, list(zip(bounds, accumulate(data.counts), strict=True)), data.total)
        yield family


MetricT = TypeVar("MetricT", Counter, Histogram, CallbackMetric)


class Metrics:
    """The metrics of one process, with those of the process itself (CPU, memory).

    Registering a name again returns the same metric. Names are given without ``opsroom_`` and ``_total``.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._metrics: dict[str, Counter | Histogram | CallbackMetric] = {}
        ProcessCollector(registry=self._registry)

    def counter(self, name: str, text: str, labels: Labels = ()) -> Counter:
        """A counter."""
        return self._register(Counter(PREFIX + name, text, labels))

    def histogram(
        self, name: str, text: str, labels: Labels = (), bounds: tuple[float, ...] = LATENCY_SECONDS
    ) -> Histogram:
        """A histogram."""
        return self._register(Histogram(PREFIX + name, text, labels, bounds))

    def gauge(self, name: str, text: str, read: Source, labels: Labels = ()) -> None:
        """A gauge whose values ``read`` returns."""
        self._register(CallbackMetric(GaugeMetricFamily, PREFIX + name, text, labels)).sources.append(read)

    def counter_callback(self, name: str, text: str, read: Source, labels: Labels = ()) -> None:
        """A counter whose values ``read`` returns."""
        self._register(CallbackMetric(CounterMetricFamily, PREFIX + name, text, labels)).sources.append(read)

    def families(self) -> Iterator[Metric]:
        """The current values, without those of the process itself."""
        for metric in self._metrics.values():
            yield from metric.collect()

    def render(self, accept: str) -> tuple[bytes, str]:
        """The current values and the content type, in the format that a request's ``Accept`` selects."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _register(self, metric: MetricT) -> MetricT:
        registered = self._metrics.get(metric.name)
        if registered is None:
            self._registry.register(metric)
            registered = self._metrics[metric.name] = metric
        same = registered.family is metric.family and registered.labels == metric.labels
        if not same or not isinstance(registered, type(metric)):
            raise AssertionError(f"{metric.name} is already registered with another type or other labels")
        return registered


class _ByService(Collector):
    """The metrics of several services of one process, with their names as the label ``service``."""

    def __init__(self, services: Mapping[str, Metrics]) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Yield each family once, with the values of all services that have it."""
        merged: dict[str, Metric] = {}
        for service, metrics in self._services.items():
            for family in metrics.families():
                into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                into.samples += [
                    sample._replace(labels={"service": service, **sample.labels}) for sample in family.samples
                ]
        yield from merged.values()


def render_by_service(services: Mapping[str, Metrics], accept: str) -> tuple[bytes, str]:
    """The current values of several services of one process, and the content type, as ``Metrics.render``.

    Each value has the label ``service``, except those of the process itself.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_ByService(services))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def single(read: Callable[[], float]) -> Source:
    """A source of one value without labels."""
    return lambda: {(): read()}
