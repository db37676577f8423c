"""Metrics and the page that exposes them."""

import pytest

from opsroom_runtime.metrics import Metrics, single

PAGE = """\
# HELP opsroom_asked_total Asked.
# TYPE opsroom_asked_total counter
opsroom_asked_total{code="a\\"b"} 1.0
opsroom_asked_total{code="c"} 2.5
# HELP opsroom_took_seconds Took.
# TYPE opsroom_took_seconds histogram
opsroom_took_seconds_bucket{le="0.1",way="x"} 1.0
opsroom_took_seconds_bucket{le="1",way="x"} 2.0
opsroom_took_seconds_bucket{le="+Inf",way="x"} 3.0
opsroom_took_seconds_count{way="x"} 3.0
opsroom_took_seconds_sum{way="x"} 7.75
# HELP opsroom_never Never.
# TYPE opsroom_never histogram
# HELP opsroom_waiting Waiting.
# TYPE opsroom_waiting gauge
opsroom_waiting 7.0
# HELP opsroom_restarts_total Restarts.
# TYPE opsroom_restarts_total counter
opsroom_restarts_total{stream="CHAT"} 3.0
"""


@pytest.fixture
def metrics() -> Metrics:
    """One metric of each kind."""
    metrics = Metrics()
    counter = metrics.counter("asked", "Asked.", ("code",))
    counter.add('a"b')
    counter.add("c", amount=2.5)
    histogram = metrics.histogram("took_seconds", "Took.", ("way",), bounds=(0.1, 1.0))
    for value in (0.1, 0.5, 7.15):
        histogram.observe(value, "x")
    metrics.histogram("never", "Never.")
    for waiting in (3, 4):
        metrics.gauge("waiting", "Waiting.", single(lambda waiting=waiting: waiting))  # type: ignore[misc]
    metrics.counter_callback("restarts", "Restarts.", lambda: {("CHAT",): 3}, ("stream",))
    return metrics


def test_the_page_has_exactly_what_was_counted(metrics: Metrics) -> None:
    """No series ``_created``, bounds as they were written, no series of what never happened."""
    page, content_type = metrics.render("text/plain")
    lines = [line for line in page.decode().splitlines(keepends=True) if "process_" not in line]
    assert "".join(lines) == PAGE
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"process_cpu_seconds_total" in page


def test_the_request_selects_the_format(metrics: Metrics) -> None:
    page, content_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert page.endswith(b"# EOF\n")
    assert b"_created" not in page


def test_each_registry_is_separate(metrics: Metrics) -> None:
    assert b"opsroom" not in Metrics().render("")[0]


def test_a_name_belongs_to_one_metric() -> None:
    metrics = Metrics()
    assert metrics.counter("x", "X.") is metrics.counter("x", "X.")
    with pytest.raises(AssertionError):
        metrics.histogram("x", "X.")
    with pytest.raises(AssertionError):
        metrics.gauge("x", "X.", dict)
    with pytest.raises(AssertionError):
        metrics.counter("x", "X.", ("code",))
