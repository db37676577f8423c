"""Distributed tracing (OpenTelemetry) through NATS headers, from a browser's frame to every service.

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector; OpenTelemetry is imported only then (the extra
``tracing`` of this package). Its other variables, such as ``OTEL_TRACES_SAMPLER``, work as usual.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from opsroom_runtime.errors import SettingsError
from opsroom_runtime.spans import SpanKind, Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


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
