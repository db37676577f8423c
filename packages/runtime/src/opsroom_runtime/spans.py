"""Spans of a trace, independent of the library that exports them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol


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
