"""Settings of the cloud service, read from its environment."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_messaging.settings import ServiceSettings

_DAY_SECONDS = 86_400


class CloudSettings(ServiceSettings):
    """Environment: the name of each field in capitals, with ``CLOUD_`` before it.

    ``delay_seconds``: how long a command takes. ``retention_days``: how long events are kept;
    ``operations_days``: how long a retry finds its operation, never longer than that.
    ``provider_timeout_seconds``: past it a provider's work counts as failed. ``failure_rate``: how often
    the simulated provider fails, 0 to 1. ``sweep_seconds``: how often overdue operations are looked for;
    ``grace_seconds``: how late one must be to be taken over from whoever should have finished it.
    """

    prefix: ClassVar[str] = "CLOUD_"

    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    # Far above the longest delay: a stream that drops a timer before its time would drop it in silence.
    retention_days: Annotated[float, Field(ge=1, le=36_500)] = 90.0
    operations_days: Annotated[float, Field(ge=1, le=36_500)] = 30.0
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    audit_days: Annotated[float, Field(ge=1, le=36_500)] = 365.0
    audit_bytes: Annotated[int, Field(ge=1_000_000)] = 1024**3
    sweep_seconds: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    grace_seconds: Annotated[float, Field(ge=0.5, le=600)] = 3.0

    def delay(self) -> timedelta:
        """How long a command takes."""
        return timedelta(seconds=self.delay_seconds)

    def retention(self) -> timedelta:
        """How long events are kept."""
        return timedelta(seconds=self.retention_days * _DAY_SECONDS)

    def audit_seconds(self) -> float:
        """How long the audit is kept, in seconds."""
        return self.audit_days * _DAY_SECONDS

    def operations_retention(self) -> timedelta:
        """How long a retry of a command finds its operation; its events are needed to tell the status."""
        return timedelta(seconds=min(self.operations_days, self.retention_days) * _DAY_SECONDS)

    def grace(self) -> timedelta:
        """How late an operation must be to be taken over."""
        return timedelta(seconds=self.grace_seconds)
