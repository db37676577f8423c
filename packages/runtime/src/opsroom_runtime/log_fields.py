"""The fields that a log line gets from the task that writes it."""

from collections.abc import Mapping
from contextvars import ContextVar

_service: ContextVar[str | None] = ContextVar("service", default=None)


def work_for(service: str) -> None:
    """Log as ``service`` in this task, and in the tasks and callbacks that it creates from now on.

    It is for a process with several services. One service alone is the name of its process.
    """
    _service.set(service)


def service_fields() -> Mapping[str, str]:
    """The field ``service`` of a task that works for one of several services; else none."""
    service = _service.get()
    return {} if service is None else {"service": service}
