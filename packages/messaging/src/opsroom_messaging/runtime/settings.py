"""Settings that a process reads from its environment, once, where it is put together.

A library for this (pydantic-settings) was measured: importing it costs each process 0.1 s of its start.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from opsroom_contracts.codec import first_fault
from opsroom_messaging.client.credentials import Credentials

_SHARED = {
    name: name.upper()
    for name in (
        "nats_url",
        "nats_user",
        "nats_password_file",
        "nats_credentials_file",
        "nats_tls_ca",
        "nats_tls_cert",
        "nats_tls_key",
        "stream_replicas",
        "start_wait_seconds",
    )
}
"""Variables that mean the same to every process, and so have no prefix."""


def _listening_host(text: str) -> str:
    host = text.strip()
    if not host or any(part in host for part in "/[]@ "):
        raise ValueError("must be a host name or an IP address to listen on, like 127.0.0.1, 0.0.0.0 or ::")
    return host


ListeningHost = Annotated[str, AfterValidator(_listening_host)]
"""A name or address to listen on; whether it is this machine's shows when it is bound."""


class SettingsError(ValueError):
    """A setting that can't be used; the message names the variable and says why, in one line."""


class BrokerSettings(BaseModel):
    """Where the broker is, who we are to it, and how many copies it keeps of what is stored.

    Environment: these by their names in capitals (``NATS_URL`` is comma-separated for a cluster); the other
    fields of a process the same, behind its ``prefix``. Lists are comma-separated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefix: ClassVar[str] = ""

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password_file: Path | None = None
    nats_credentials_file: Path | None = None
    nats_tls_ca: Path | None = None
    nats_tls_cert: Path | None = None
    nats_tls_key: Path | None = None
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    start_wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """How long a start may wait for the broker and for the streams that other processes make."""

    def credentials(self) -> Credentials:
        """How to prove to the broker who we are."""
        return Credentials(
            user=self.nats_user,
            password_file=self.nats_password_file,
            credentials_file=self.nats_credentials_file,
            tls_ca=self.nats_tls_ca,
            tls_cert=self.nats_tls_cert,
            tls_key=self.nats_tls_key,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read what is set; what is not keeps its default.

        Raises:
            SettingsError: a value that does not fit.
        """
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            text = environ.get(cls.variable(name))
            if text is None:
                continue
            kinds = (field.annotation, *get_args(field.annotation))
            is_list = any(get_origin(kind) in {tuple, frozenset} for kind in kinds)
            given[name] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            fault = first_fault(error)
            variable = cls.variable(fault.field.partition(".")[0])
            raise SettingsError(f"{variable}={environ[variable]!r}: {fault.reason}") from None

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return _SHARED.get(field) or cls.prefix + field.upper()
