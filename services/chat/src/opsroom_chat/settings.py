"""Settings of the chat service, read from the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from opsroom_chat.domain.presence import GracePeriods
from opsroom_contracts.chat.files import PENDING_SECONDS
from opsroom_contracts.serialization.model import RoomName
from opsroom_messaging.files.settings import S3Settings
from opsroom_messaging.settings import ServiceSettings

_DAY_SECONDS = 86_400


class ChatSettings(ServiceSettings, S3Settings):
    """Settings. The environment variable of each field is its name in upper case with the prefix ``CHAT_``.

    Times are in seconds unless the name says days.
    """

    prefix: ClassVar[str] = "CHAT_"

    rooms: frozenset[RoomName] = frozenset({"general"})
    retention_days: Annotated[float, Field(gt=0, le=36_500)] = 365.0
    retention_bytes: Annotated[int, Field(ge=1_000_000)] = 4 * 1024**3
    files_bytes: Annotated[int, Field(ge=1_000_000)] = 2 * 1024**3
    """How much all files together may take in JetStream. When it is used up, new files are refused."""
    files_pending_seconds: Annotated[int, Field(ge=1, le=86_400)] = PENDING_SECONDS
    """How long a file is kept that no message refers to."""
    files_sweep_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    """How often the service looks for bytes that nothing refers to."""
    index_dir: Path | None = None
    """A folder for the index of messages, which each process keeps in its own file. Everything in it may be
    deleted at any time: the index is then built again. Without the setting, this happens at every start."""
    push: bool = True
    """Whether to push notifications to devices. The push services of browsers must be reachable."""
    push_contact: Annotated[str, Field(pattern=r"^(mailto:|https://)[!-~]+$", max_length=256)] | None = None
    """The contact for push services, such as ``mailto:ops@example.org``. Default: the address of the page."""
    push_private: bool = False
    """Whether push services may be in private networks, and without TLS."""
    push_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 4.0
    """How long a push for somebody who is connected waits: what they read meanwhile is not pushed."""
    registration_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    closed_seconds: Annotated[float, Field(ge=0, le=60)] = 0.5
    broken_seconds: Annotated[float, Field(ge=0, le=60)] = 10.0
    hold_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    token_days: Annotated[float, Field(gt=0, le=3650)] = 30.0

    def grace_periods(self) -> GracePeriods:
        """How long name and list entry are kept for a member who is not connected."""
        return GracePeriods(
            registration=timedelta(seconds=self.registration_seconds),
            closed=timedelta(seconds=self.closed_seconds),
            broken=timedelta(seconds=self.broken_seconds),
            hold=timedelta(seconds=self.hold_seconds),
            invited=timedelta(days=self.token_days),
        )

    def retention_seconds(self) -> float:
        """How long messages are kept, in seconds."""
        return self.retention_days * _DAY_SECONDS
