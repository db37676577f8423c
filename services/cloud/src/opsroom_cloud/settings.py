"""Settings of the cloud service, read from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_cloud.domain.policy import Policy, PolicyError, Rule, read_policy
from opsroom_cloud.operations.deadlines import CommandDeadlines
from opsroom_cloud.schedules.runner import RunPolicy
from opsroom_messaging.settings import ServiceSettings
from opsroom_runtime.errors import SettingsError

_DAY_SECONDS = 86_400


class CloudSettings(ServiceSettings):
    """Settings. The environment variable of each field is its name in upper case with the prefix ``CLOUD_``.

    ``delay_seconds``: how long a command takes. ``retention_days``: how long events are kept.
    ``operations_days``: how long a retry finds its operation; at most ``retention_days``.
    ``provider_timeout_seconds``: timeout after which an operation fails. ``failure_rate``: share of the
    operations that the simulated provider fails, 0 to 1. ``sweep_seconds``: interval of the reconciler.
    ``grace_seconds``: how long an operation must be overdue before the reconciler completes it.
    ``create_timeout_seconds`` and ``command_timeout_seconds``: how long after its due time a creation, or any
    other command, may take behind an agent. ``list_seconds``: how often the servers of each agent are listed.
    ``lost_grace_seconds``: how long after its creation a server is not reported as lost by lists.
    ``schedule_late_seconds``: how late a run of a schedule that was missed is still done. ``approvals``:
    which commands must be approved, one rule a line (:mod:`opsroom_cloud.domain.policy`);
    ``approvals_file``: a file with such lines. Both together are one policy.
    """

    prefix: ClassVar[str] = "CLOUD_"

    delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    # Must be far above the longest delay: a stream silently drops a timer that expires before it fires.
    retention_days: Annotated[float, Field(ge=1, le=36_500)] = 90.0
    operations_days: Annotated[float, Field(ge=1, le=36_500)] = 30.0
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    audit_days: Annotated[float, Field(ge=1, le=36_500)] = 365.0
    audit_bytes: Annotated[int, Field(ge=1_000_000)] = 1024**3
    sweep_seconds: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    grace_seconds: Annotated[float, Field(ge=0.5, le=600)] = 3.0
    create_timeout_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    command_timeout_seconds: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    list_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 30.0
    lost_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 120.0
    schedule_late_seconds: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    approvals: str = ""
    approvals_file: Path | None = None

    def delay(self) -> timedelta:
        """How long a command takes."""
        return timedelta(seconds=self.delay_seconds)

    def retention(self) -> timedelta:
        """How long events are kept."""
        return timedelta(seconds=self.retention_days * _DAY_SECONDS)

    def audit_seconds(self) -> float:
        """How long audit entries are kept, in seconds."""
        return self.audit_days * _DAY_SECONDS

    def operations_retention(self) -> timedelta:
        """How long a retry finds its operation; limited by its events, which determine the status."""
        return timedelta(seconds=min(self.operations_days, self.retention_days) * _DAY_SECONDS)

    def command_deadlines(self) -> CommandDeadlines:
        """How long operations behind agents may take after their due time."""
        return CommandDeadlines(
            create=timedelta(seconds=self.create_timeout_seconds),
            other=timedelta(seconds=self.command_timeout_seconds),
        )

    def run_policy(self) -> RunPolicy:
        """When runs of schedules are taken over, and how late they may be."""
        return RunPolicy(
            late_max=timedelta(seconds=self.schedule_late_seconds),
            grace=self.grace(),
            renew_after=self.retention() / 2,
        )

    def policy(self) -> Policy:
        """Which commands must be approved.

        Raises:
            SettingsError: the file can't be read, or a line is invalid; it names the line and the field.
        """
        texts = {self.variable("approvals"): self.approvals}
        if self.approvals_file is not None:
            try:
                texts[str(self.approvals_file)] = self.approvals_file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                variable = self.variable("approvals_file")
                raise SettingsError(f"{variable}={str(self.approvals_file)!r}: {error}") from None
        rules: list[Rule] = []
        for source, text in texts.items():
            try:
                rules += read_policy(text).rules
            except PolicyError as error:
                raise SettingsError(f"{source}: {error}") from None
        return Policy(tuple(rules))

    def grace(self) -> timedelta:
        """How long an operation must be overdue before the reconciler completes it."""
        return timedelta(seconds=self.grace_seconds)
