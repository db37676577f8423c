"""Settings of the incidents service, read from the environment."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_messaging.settings import ServiceSettings


class IncidentsSettings(ServiceSettings):
    """Settings. The variable of each field is its name in upper case with the prefix ``INCIDENTS_``.

    ``command_seconds``: how late a command of the chat may still be done. If no process was there for longer,
    it is not done, and the reply says so. ``command_ack_seconds``: after how long another process takes a
    command whose process has died.

    ``bot_seconds``: how long a bot may take to answer a command.

    ``escalation_minute_seconds``: how long a minute of a rota is; less, to try a rota.

    ``webhook_private``: whether webhooks may be in private networks, and without TLS. ``webhook_seconds``:
    how long a request to a webhook takes at most. ``webhook_retry_seconds`` and
    ``webhook_retry_max_seconds``: after how long it is repeated if it fails, at first and at most.
    """

    prefix: ClassVar[str] = "INCIDENTS_"

    command_seconds: Annotated[float, Field(ge=1, le=43_200)] = 900.0
    command_ack_seconds: Annotated[float, Field(ge=0.2, le=600)] = 15.0

    bot_seconds: Annotated[float, Field(ge=0.1, le=60)] = 10.0
    escalation_minute_seconds: Annotated[float, Field(ge=0.01, le=60)] = 60.0

    webhook_private: bool = False
    webhook_seconds: Annotated[float, Field(ge=0.1, le=60)] = 15.0
    webhook_retry_seconds: Annotated[float, Field(ge=0.01, le=3600)] = 5.0
    webhook_retry_max_seconds: Annotated[float, Field(ge=0.01, le=604_800)] = 86_400.0

    def escalation_minute(self) -> timedelta:
        """How long a minute of a rota is."""
        return timedelta(seconds=self.escalation_minute_seconds)

    def command_lateness(self) -> timedelta:
        """How late a command may be."""
        return timedelta(seconds=self.command_seconds)
