"""Traces told to a collector over OTLP. Imported only where they are on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind

from opsroom_messaging.runtime.tracing import SpanRole

_CLOSE_MILLISECONDS = 3000
_KINDS = {
    SpanRole.WORK: SpanKind.INTERNAL,
    SpanRole.ASK: SpanKind.CLIENT,
    SpanRole.ANSWER: SpanKind.SERVER,
    SpanRole.STORE: SpanKind.PRODUCER,
    SpanRole.TAKE: SpanKind.CONSUMER,
}


class OpenTelemetryTracer:
    """Hops as spans. Nothing global is set: the provider is this object's own."""

    on = True

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": f"opsroom-{service}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("opsroom")

    @contextmanager
    def span(
        self, name: str, hop: SpanRole, headers: Mapping[str, str] | None = None, **about: str | int
    ) -> Iterator[None]:
        """A span; one that ends in an error says so."""
        parent = propagate.extract(headers) if headers is not None else context.get_current()
        attributes = {f"opsroom.{key}": value for key, value in about.items()}
        with self._tracer.start_as_current_span(
            name, context=parent, kind=_KINDS[hop], attributes=attributes
        ):
            yield

    def headers(self) -> dict[str, str]:
        """``traceparent``, as W3C Trace Context has it."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    def ids(self) -> Mapping[str, str]:
        """Of the span under way."""
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {"trace": f"{found.trace_id:032x}", "span": f"{found.span_id:016x}"}

    def close(self) -> None:
        """Send what is still to be sent."""
        self._provider.force_flush(_CLOSE_MILLISECONDS)
        self._provider.shutdown()


def open_traces(service: str) -> OpenTelemetryTracer:
    """Traces to the collector that the environment names."""
    return OpenTelemetryTracer(service, OTLPSpanExporter())
