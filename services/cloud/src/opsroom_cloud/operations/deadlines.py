"""How long operations may take."""

from dataclasses import dataclass
from datetime import timedelta

from opsroom_contracts.cloud.commands import Command


@dataclass(frozen=True, slots=True)
class Deadlines:
    """``provider_timeout``: the provider's timeout in seconds. ``longest``: maximum time of being pending."""

    provider_timeout: float
    longest: timedelta


@dataclass(frozen=True, slots=True)
class CommandDeadlines:
    """How long after its due time an operation behind an agent may take, by command."""

    create: timedelta
    other: timedelta

    def of(self, command: Command) -> timedelta:
        """Return the deadline of ``command``."""
        return self.create if command is Command.CREATE else self.other
