"""Metrics in Prometheus' text format. Imported at the first scrape, see :mod:`.metrics`."""

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

from opsroom_runtime.metrics import CallbackMetric, Counter, Histogram, Metrics

PREFIX = "opsroom_"


class _Collector(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for name, metric in self._metrics.all():
            match metric:
                case Counter():
                    yield _number_family(CounterMetricFamily, name, metric, metric.values)
                case CallbackMetric():
                    kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
                    yield _number_family(kind, name, metric, metric.values())
                case Histogram():
                    yield _histogram_family(name, metric)


class MetricsPage:
    """Renders the current values, together with the metrics of the process itself (CPU, memory)."""

    def __init__(self, metrics: Metrics) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(metrics))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type, chosen by the request's ``Accept`` header."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _number_family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    metric: Counter | CallbackMetric,
    values: dict[tuple[str, ...], float],
) -> Metric:
    family = kind(PREFIX + name, metric.text, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram_family(name: str, metric: Histogram) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, metric.text, labels=metric.labels)
    bounds = [*(f"{bound:g}" for bound in metric.bounds), "+Inf"]
    for labels, data in metric.values.items():
        buckets = list(zip(bounds, accumulate(data.counts), strict=True))
        family.add_metric(labels, buckets, data.total)
    return family
