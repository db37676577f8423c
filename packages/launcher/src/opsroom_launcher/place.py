"""Where a portal is looked for: its gateway, its data, its broker."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from opsroom_contracts.codec import first_fault
from opsroom_launcher.broker import users_folder
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.listening import reachable
from opsroom_launcher.options import DEFAULT_DATA
from opsroom_launcher.running import FOLDER, Running, is_held
from opsroom_messaging.access import Access
from opsroom_messaging.settings import BrokerSettings
from opsroom_messaging.users import context_file

_BROKERS = ("NATS_URL", "NATS_CONTEXT")
"""Variables that name a broker which is not the embedded one."""
_RUNNING = TypeAdapter(Running)


class Context(BaseModel):
    """What a context of the ``nats`` command line says of the broker; it may say more.

    Its file: https://github.com/nats-io/jsm.go/tree/main/natscontext
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    creds: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    def access(self) -> Access:
        """Our proof to that broker."""
        files = (self.creds, self.ca, self.cert, self.key)
        credentials, ca, cert, key = (Path(file).expanduser() if file else None for file in files)
        user, password = (self.user, self.password) if self.user else (None, None)
        return Access(user, None, credentials, ca, cert, key, password)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a portal is looked for."""

    host: str
    port: int
    data: Path
    environ: Mapping[str, str]
    tls: bool = False
    """Whether its gateway speaks TLS by itself."""
    told: tuple[Running, ...] = ()
    """The portals that run here and that the environment may mean, the latest first: this is its place."""

    @property
    def elsewhere(self) -> str | None:
        """The variable, or the option of `up`, that names a broker which is not the embedded one."""
        if self.told and self.told[0].nats_url:
            return "--nats"
        return next((name for name in _BROKERS if self.environ.get(name)), None)

    def broker(self) -> tuple[str, Access] | None:
        """The broker's address and our proof: what the environment says, else that of the embedded one.

        Raises:
            RefusedError: ``NATS_CONTEXT`` names nothing that can be used.
            SettingsError: another setting of the environment is wrong.
        """
        url = (self.told[0].nats_url if self.told else None) or self.environ.get("NATS_URL")
        if url:
            settings = BrokerSettings.from_environment({**self.environ, "NATS_URL": url})
            return settings.nats_url, settings.nats_access()
        if name := self.environ.get("NATS_CONTEXT"):
            file = self._named(name)
        else:
            file = context_file(users_folder(self.data))
            if not file.exists():
                return None
        context = _context(file)
        return context.url, context.access()

    def _named(self, name: str) -> Path:
        """A context is a file, or the name of one of those that the ``nats`` command line keeps."""
        if "/" in name or name.endswith(".json"):
            return Path(name).expanduser()
        home = Path(self.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        return home / "nats" / "context" / f"{name}.json"


def running_in(root: Path) -> list[Running]:
    """The portals that run, the latest first."""
    found: list[tuple[int, Running]] = []
    for file in (root / FOLDER).glob("*.json"):
        with suppress(OSError, ValidationError), file.open("rb") as record:
            if is_held(record):
                found.append((os.fstat(record.fileno()).st_mtime_ns, _RUNNING.validate_json(record.read())))
    return [portal for _, portal in sorted(found, key=lambda one: one[0], reverse=True)]


def place_of(root: Path, environ: Mapping[str, str]) -> Place:
    """Where a portal runs, if the environment may mean it; else where `./opsroom up` would be with it."""
    data = Path(environ.get("OPSROOM_DATA") or root / DEFAULT_DATA).expanduser()
    told = tuple(portal for portal in running_in(root) if _may_mean(environ, portal))
    if told:
        return Place(told[0].host, told[0].port, told[0].data or data, environ, told[0].tls, told)
    host = reachable(environ.get("HOST") or "127.0.0.1")
    port = environ.get("PORT") or "8000"
    tls = bool(environ.get("GATEWAY_TLS_CERT"))
    return Place(host, int(port) if port.isdigit() else 8000, data, environ, tls)


def _may_mean(environ: Mapping[str, str], portal: Running) -> bool:
    """Whether nothing in the environment says that another is meant."""
    if any(environ.get(name) for name in _BROKERS):
        return False
    if environ.get("PORT") not in {None, "", str(portal.port)}:
        return False
    data = environ.get("OPSROOM_DATA")
    return not data or Path(data).expanduser().resolve() == portal.data


def _context(file: Path) -> Context:
    try:
        return Context.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RefusedError(f"opsroom: the context {file}: {error.strerror}") from None
    except ValidationError as error:
        fault = first_fault(error)
        said = f"{fault.field}: {fault.reason}" if fault.field else fault.reason
        raise RefusedError(f"opsroom: the context {file}: {said}") from None
