"""Distributed tracing (OpenTelemetry) through NATS headers, from a browser's frame to every service.

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector; OpenTelemetry is imported only then (the extra
``tracing`` of this package). Its other variables, such as ``OTEL_TRACES_SAMPLER``, work as usual.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Protocol

from opsroom_runtime.errors import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class SpanKind(Enum):
    """The kind of a span, as in OpenTelemetry."""

    INTERNAL = "internal"
    CLIENT = "client"
    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Tracer(Protocol):
    """Creates spans. ``enabled``: whether they are exported; if not, calls can be skipped."""

    enabled: bool

    def span(
        self, name: str, kind: SpanKind, headers: Mapping[str, str] | None = None, **attributes: str | int
    ) -> AbstractContextManager[None]:
        """A span. Its parent is the trace context in ``headers``, or without headers the current span."""

    def headers(self) -> dict[str, str]:
        """The headers that carry the current trace context; empty without a current span."""

    def ids(self) -> Mapping[str, str]:
        """The fields for log lines: ``trace`` and ``span``."""

    def close(self) -> None:
        """Export the remaining spans; takes a few seconds at most."""


class NoTracer:
    """The tracer that is used when tracing is off."""

    enabled = False

    def span(
        self,
        name: str,  # noqa: ARG002
        kind: SpanKind,  # noqa: ARG002
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        **attributes: str | int,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def headers(self) -> dict[str, str]:
        """No headers."""
        return {}

    def ids(self) -> Mapping[str, str]:
        """No fields."""
        return {}

    def close(self) -> None:
        """Do nothing."""


def tracer_for(service: str, environ: Mapping[str, str]) -> Tracer:
    """The tracer of the process ``opsroom-<service>``.

    Raises:
        SettingsError: a collector is set, but OpenTelemetry is not installed.
    """
    if not environ.get(ENDPOINT):
        return NoTracer()
    try:
        from opsroom_runtime.opentelemetry import open_tracer  # noqa: PLC0415 - only if enabled
    except ImportError as error:
        raise SettingsError(
            f"{ENDPOINT} is set, but OpenTelemetry is not installed ({error.name}): "
            "install opsroom-runtime[tracing]"
        ) from None
    return open_tracer(service)
