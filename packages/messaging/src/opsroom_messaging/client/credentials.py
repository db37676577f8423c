"""How a process proves to the broker who it is: secrets stay in files, read when they are needed."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class CredentialsError(Exception):
    """What was given can't be used; the message names the setting and says why, in one line."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with its password or the file of it, or a credentials file; and the files of TLS.

    Nothing at all: no proof, or the one that the broker's URL carries.
    """

    user: str | None = None
    password_file: Path | None = None
    credentials_file: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """What the client is given for it.

        Raises:
            CredentialsError: a file can't be read, or one is given without the other that it needs.
        """
        if (self.user is None) != (self.password_file is None and self.password is None):
            raise CredentialsError("NATS_USER and NATS_PASSWORD_FILE need each other")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise CredentialsError("NATS_TLS_CERT and NATS_TLS_KEY need each other")
        if self.user is not None and self.credentials_file is not None:
            raise CredentialsError("NATS_USER and NATS_CREDENTIALS_FILE are two proofs: give one of them")
        options: dict[str, Any] = {}
        if self.user is not None and self.password is not None:
            options |= {"user": self.user, "password": self.password}
        elif self.user is not None and self.password_file is not None:
            # Read again at each connection: a password may be changed while we run.
            file = self.password_file
            _read("NATS_PASSWORD_FILE", file)
            options |= {"user": self.user, "password": lambda: _read("NATS_PASSWORD_FILE", file)}
        if self.credentials_file is not None:
            _read("NATS_CREDENTIALS_FILE", self.credentials_file)
            options["user_credentials"] = str(self.credentials_file)
        if self.tls_ca is not None or self.tls_cert is not None:
            options["tls"] = self._tls()
        return options

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.tls_ca)
        except (OSError, ssl.SSLError) as error:
            raise CredentialsError(f"NATS_TLS_CA={self.tls_ca}: {error.strerror or error}") from error
        if self.tls_cert is not None:
            try:
                context.load_cert_chain(self.tls_cert, self.tls_key)
            except (OSError, ssl.SSLError) as error:
                raise CredentialsError(f"NATS_TLS_CERT={self.tls_cert}: {error.strerror or error}") from error
        return context


def _read(setting: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise CredentialsError(f"{setting}={file}: {reason}") from error
    if not text:
        raise CredentialsError(f"{setting}={file}: the file is empty")
    return text
