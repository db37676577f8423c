"""Credentials for pulls from private registries, from the file in which ``docker login`` keeps them.

The file is read for each pull, so that a new login needs no restart. Nothing of it is logged or shown.
"""

import asyncio
import base64
import binascii
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel, to_pascal

from opsroom_agent.program import Program, ProgramMissingError, RunError

HELPER_SECONDS = 10.0
"""How long a credential helper may take. One that asks a user never ends."""
_FILE_NAME = "config.json"
_FILE_MAX = 1_000_000
_HUB = "https://index.docker.io/v1/"
"""What the file calls Docker Hub, whose images name no registry."""
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io"})
_TOKEN_USER = "<token>"  # noqa: S105 - how Docker marks an identity token

ValueT = TypeVar("ValueT")

log = logging.getLogger(__name__)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class _ConfigFile(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, alias_generator=to_camel
    )

    auths: dict[str, _Entry] = Field(default_factory=dict)
    cred_helpers: dict[str, str] = Field(default_factory=dict)
    creds_store: str = ""


class _HelperReply(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, alias_generator=to_pascal
    )

    username: str
    secret: str


@dataclass(frozen=True, slots=True, repr=False)
class _Secret:
    """A user and a password; the user ``<token>`` marks an identity token."""

    username: str
    secret: str


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """``header``: the value of ``X-Registry-Auth``; None to pull without credentials.

    ``problem``: why the credentials that there should be can't be used; for users, without a secret.
    """

    header: str | None = None
    problem: str | None = None


class _UnusableError(Exception):
    """The credentials of a registry can't be used. The message says why, without a secret."""


class RegistryCredentials:
    """The credentials in ``folder``, the ``DOCKER_CONFIG``; without one there are none.

    Credential helpers that the file names are run with the variables of ``environ``.
    """

    def __init__(self, folder: Path | None, environ: Mapping[str, str]) -> None:
        self._file = None if folder is None else folder / _FILE_NAME
        self._environ = environ

    async def of(self, image: str) -> RegistryAuth:
        """Return the credentials for pulling ``image``."""
        if self._file is None:
            return RegistryAuth()
        registry = registry_of(image)
        try:
            config = await asyncio.to_thread(_read, self._file)
            secret = None if config is None else await self._secret(config, registry)
        except _UnusableError as error:
            log.warning("the credentials for the registry %s can't be used: %s", registry, error)
            return RegistryAuth(problem=f"its credentials can't be used: {error}")
        return RegistryAuth() if secret is None else RegistryAuth(_header(secret, registry))

    async def _secret(self, config: _ConfigFile, registry: str) -> _Secret | None:
        """Return the user and the password or token; as Docker does, a helper goes before the file."""
        helper = _by_host(config.cred_helpers, registry) or config.creds_store
        if helper:
            return await self._ask(helper, _HUB if registry in _HUB_HOSTS else registry)
        entry = _by_host(config.auths, registry)
        return None if entry is None else _of_entry(entry)

    async def _ask(self, helper: str, server: str) -> _Secret | None:
        """Run a credential helper; None: it knows no credentials of this registry."""
        name = f"docker-credential-{helper}"
        path = None if "/" in helper else shutil.which(name, path=self._environ.get("PATH"))
        if path is None:
            raise _UnusableError(f"{name} is not installed where the agent runs")
        try:
            finished = await Program(Path(path), self._environ).run(
                "get", server.encode(), timeout=HELPER_SECONDS
            )
        except (RunError, ProgramMissingError) as error:
            raise _UnusableError(str(error)) from error
        if finished.code:
            if b"credentials not found" in finished.last:
                return None
            raise _UnusableError(f"{name} has ended with exit code {finished.code}")
        try:
            reply = _HelperReply.model_validate_json(finished.last)
        except ValidationError:
            raise _UnusableError(f"the output of {name} can't be read") from None
        return _Secret(reply.username, reply.secret)


def registry_of(image: str) -> str:
    """Return the host of an image's registry, with its port if there is one."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host else "docker.io"


def _read(path: Path) -> _ConfigFile | None:
    try:
        if path.stat().st_size > _FILE_MAX:
            raise _UnusableError(f"{_FILE_NAME} is larger than {_FILE_MAX} bytes")
        return _ConfigFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _UnusableError(f"{_FILE_NAME} can't be read: {error.strerror}") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise _UnusableError(f"{_FILE_NAME} is not a configuration of Docker: {where or 'no JSON'}") from None


def _by_host(values: Mapping[str, ValueT], registry: str) -> ValueT | None:
    """Return the value of a registry. Keys may be hosts or addresses, such as ``https://host/v1/``."""
    hosts = _HUB_HOSTS if registry in _HUB_HOSTS else {registry}
    return next((value for key, value in values.items() if _host(key) in hosts), None)


def _host(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _of_entry(entry: _Entry) -> _Secret | None:
    if entry.identitytoken:
        return _Secret(_TOKEN_USER, entry.identitytoken)
    if entry.username:
        return _Secret(entry.username, entry.password)
    if not entry.auth:
        return None
    try:
        user, colon, password = base64.b64decode(entry.auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise _UnusableError(f"the field auth in {_FILE_NAME} is not a user and a password in Base64")
    return _Secret(user, password.rstrip("\0"))


def _header(secret: _Secret, registry: str) -> str:
    """Encode credentials as the engine takes them."""
    server = _HUB if registry in _HUB_HOSTS else registry
    fields = (
        {"identitytoken": secret.secret}
        if secret.username == _TOKEN_USER
        else {"username": secret.username, "password": secret.secret}
    )
    return base64.urlsafe_b64encode(json.dumps({**fields, "serveraddress": server}).encode()).decode()
