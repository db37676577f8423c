"""Traces: one message followed from a browser's frame through NATS headers to every hop (OpenTelemetry).

Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector; only then is anything of OpenTelemetry imported
(the extra ``tracing`` of this package). Its other variables, such as ``OTEL_TRACES_SAMPLER``, hold as usual.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Protocol

from opsroom_messaging.runtime.settings import SettingsError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class SpanRole(Enum):
    """What a process does with what it traces."""

    WORK = "internal"
    ASK = "client"
    ANSWER = "server"
    STORE = "producer"
    TAKE = "consumer"


class Tracer(Protocol):
    """Where hops are told. ``on``: whether anybody listens; if not, the rest need not be called."""

    on: bool

    def span(
        self, name: str, hop: SpanRole, headers: Mapping[str, str] | None = None, **about: str | int
    ) -> AbstractContextManager[None]:
        """A piece of work, inside the one that ``headers`` tell of; without them inside what is under way."""

    def headers(self) -> dict[str, str]:
        """The headers that tell the next hop of what is under way; empty if nothing is."""

    def ids(self) -> Mapping[str, str]:
        """What log lines should carry: ``trace`` and ``span``."""

    def close(self) -> None:
        """Tell what is still to be told, within seconds."""


class NoTracer:
    """Nobody listens."""

    on = False

    def span(
        self,
        name: str,  # noqa: ARG002
        hop: SpanRole,  # noqa: ARG002
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        **about: str | int,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def headers(self) -> dict[str, str]:
        """None."""
        return {}

    def ids(self) -> Mapping[str, str]:
        """None."""
        return {}

    def close(self) -> None:
        """Nothing is left."""


def tracer_for(service: str, environ: Mapping[str, str]) -> Tracer:
    """The traces of the process ``opsroom-<service>``.

    Raises:
        SettingsError: a collector is named, and OpenTelemetry is not installed.
    """
    if not environ.get(ENDPOINT):
        return NoTracer()
    try:
        from opsroom_messaging.runtime.opentelemetry import open_traces  # noqa: PLC0415 - only when on
    except ImportError as error:
        raise SettingsError(
            f"{ENDPOINT} is set, but OpenTelemetry is not installed ({error.name}): "
            "install opsroom-messaging[tracing]"
        ) from None
    return open_traces(service)
