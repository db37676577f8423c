"""Settings of the connection to the broker."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from opsroom_messaging.client.credentials import Credentials
from opsroom_runtime.admin_server import AdminSettings
from opsroom_runtime.settings import Settings


class BrokerSettings(Settings):
    """The broker's URL and credentials, and the number of stream replicas.

    ``NATS_URL`` is comma-separated for a cluster.
    """

    shared = frozenset(
        {
            "nats_url",
            "nats_user",
            "nats_password_file",
            "nats_credentials_file",
            "nats_tls_ca",
            "nats_tls_cert",
            "nats_tls_key",
            "stream_replicas",
            "start_wait_seconds",
        }
    )

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password_file: Path | None = None
    nats_credentials_file: Path | None = None
    nats_tls_ca: Path | None = None
    nats_tls_cert: Path | None = None
    nats_tls_key: Path | None = None
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    start_wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """How long a start may wait for the broker, and for streams that other processes create."""

    def credentials(self) -> Credentials:
        """The credentials for the broker."""
        return Credentials(
            user=self.nats_user,
            password_file=self.nats_password_file,
            credentials_file=self.nats_credentials_file,
            tls_ca=self.nats_tls_ca,
            tls_cert=self.nats_tls_cert,
            tls_key=self.nats_tls_key,
        )


class ServiceSettings(BrokerSettings, AdminSettings):
    """The settings that all services share: the broker and the admin server."""
