"""Broker credentials. Secrets stay in files and are read when they are needed."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsroom_messaging.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with a password or password file, or a credentials file; and TLS files.

    Without any of them, only the user and password in the broker's URL are used, if it has some.
    """

    user: str | None = None
    password_file: Path | None = None
    credentials_file: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """The keyword arguments for nats-py's ``connect``.

        Raises:
            CredentialsError: a file can't be read, or settings that belong together are incomplete.
        """
        if (self.user is None) != (self.password_file is None and self.password is None):
            raise CredentialsError("NATS_USER and NATS_PASSWORD_FILE need each other")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise CredentialsError("NATS_TLS_CERT and NATS_TLS_KEY need each other")
        if self.user is not None and self.credentials_file is not None:
            raise CredentialsError("NATS_USER and NATS_CREDENTIALS_FILE exclude each other")
        options: dict[str, Any] = {}
        if self.user is not None and self.password is not None:
            options |= {"user": self.user, "password": self.password}
        elif self.user is not None and self.password_file is not None:
            # A callable, so that a password that was changed meanwhile is read at the next reconnect.
            file = self.password_file
            _read("NATS_PASSWORD_FILE", file)
            options |= {"user": self.user, "password": lambda: _read("NATS_PASSWORD_FILE", file)}
        if self.credentials_file is not None:
            _read("NATS_CREDENTIALS_FILE", self.credentials_file)
            options["user_credentials"] = str(self.credentials_file)
        if self.tls_ca is not None or self.tls_cert is not None:
            options["tls"] = self._tls_context()
        return options

    def _tls_context(self) -> ssl.SSLContext:
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
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise CredentialsError(f"{setting}={file}: {reason}") from error
    if not text:
        raise CredentialsError(f"{setting}={file}: the file is empty")
    return text
