"""Metrics in Prometheus's text format. Imported on the first scrape: see :mod:`.metrics`."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from opsroom_messaging.runtime.metrics import CallbackMetric, Counter, Histogram, Metrics

PREFIX = "opsroom_"


class _Counted(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for name, metric in self._metrics.all():
            match metric:
                case Counter():
                    yield _numbers(CounterMetricFamily, name, metric, metric.values)
                case CallbackMetric():
                    kind = CounterMetricFamily if metric.grows else GaugeMetricFamily
                    yield _numbers(kind, name, metric, metric.values())
                case Histogram():
                    yield _histogram(name, metric)


class MetricsPage:
    """Makes pages; each shows the numbers of its moment, and those of the process itself."""

    def __init__(self, metrics: Metrics) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counted(metrics))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type, the one that ``accept`` (the header of the request) prefers."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _numbers(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    metric: Counter | CallbackMetric,
    values: dict[tuple[str, ...], float],
) -> Metric:
    family = kind(PREFIX + name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(name: str, metric: Histogram) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, metric.text, labels=metric.labels)
    bounds = [*(f"{bound:g}" for bound in metric.bounds), "+Inf"]
    for labels, distribution in metric.values.items():
        buckets = list(zip(bounds, accumulate(distribution.counts), strict=True))
        family.add_metric(labels, buckets, distribution.total)
    return family
