"""The tracer that exports to an OTLP collector. Imported only if tracing is on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from opsroom_runtime.spans import SpanKind

_FLUSH_MILLISECONDS = 3000
_KINDS = {kind: trace.SpanKind[kind.name] for kind in SpanKind}


class OpenTelemetryTracer:
    """Creates OpenTelemetry spans with a private provider; sets nothing global."""

    enabled = True

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        resource = Resource.create({"service.name": f"opsroom-{service}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("opsroom")

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, headers: Mapping[str, str] | None = None, **attributes: str | int
    ) -> Iterator[None]:
        """A span; an exception sets its status to error."""
        parent = propagate.extract(headers) if headers is not None else context.get_current()
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=_KINDS[kind],
            attributes={f"opsroom.{key}": value for key, value in attributes.items()},
        ):
            yield

    def headers(self) -> dict[str, str]:
        """``traceparent``, as defined by W3C Trace Context."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    def ids(self) -> Mapping[str, str]:
        """The ids of the current span."""
        span_context = trace.get_current_span().get_span_context()
        if not span_context.is_valid:
            return {}
        return {"trace": f"{span_context.trace_id:032x}", "span": f"{span_context.span_id:016x}"}

    def close(self) -> None:
        """Export the remaining spans and shut down."""
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()


def open_tracer(service: str) -> OpenTelemetryTracer:
    """The tracer for the collector that the environment names."""
    return OpenTelemetryTracer(service, OTLPSpanExporter())
