"""Locate the gateway, the data and the broker of the selected portal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from opsroom_contracts.serialization.codec import first_fault
from opsroom_launcher.errors import UsageError
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.portal.broker import users_folder
from opsroom_launcher.selection.portal_selection import SelectedPortal
from opsroom_messaging.client.credentials import Credentials
from opsroom_messaging.deployment.private_files import context_file
from opsroom_messaging.settings import BrokerSettings

_BROKERS = ("NATS_URL", "NATS_CONTEXT")
"""Variables that name an external broker."""


class Context(BaseModel):
    """A context of the ``nats`` command line, as far as it is used here.

    The file format: https://github.com/nats-io/jsm.go/tree/main/natscontext
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    creds: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    def access(self) -> Credentials:
        """Return the credentials for that broker."""
        files = (self.creds, self.ca, self.cert, self.key)
        credentials, ca, cert, key = (Path(file).expanduser() if file else None for file in files)
        user, password = (self.user, self.password) if self.user else (None, None)
        return Credentials(user, None, credentials, ca, cert, key, password)


@dataclass(frozen=True, slots=True)
class PortalLocation:
    """The location of the selected portal."""

    selected: SelectedPortal
    data: Path
    """The embedded broker's folder, if it has one."""
    environ: Mapping[str, str]
    command: str = "./opsroom"
    """The command that starts one."""

    @property
    def by_gateway(self) -> bool:
        """Whether only the gateway can be queried, because the address of its broker is unknown."""
        named = any(self.environ.get(name) for name in (*_BROKERS, "OPSROOM_DATA"))
        return self.selected.by_url and not self.selected.record and not named

    @property
    def external_broker(self) -> str | None:
        """The variable, or option of `up`, that names an external broker; None for the embedded one."""
        named = next((name for name in _BROKERS if self.environ.get(name)), None)
        return named or ("--nats" if self._nats_url else None)

    @property
    def _nats_url(self) -> str | None:
        return self.selected.record.nats_url if self.selected.record else None

    def broker(self) -> tuple[str, Credentials] | None:
        """Return the URL and the credentials of the broker: from the environment, else of the embedded one.

        Raises:
            UsageError: ``NATS_CONTEXT`` names nothing that can be used.
            SettingsError: another setting of the environment is wrong.
        """
        named = self.environ.get("NATS_URL")  # with the password, which a record does not have
        if url := named or (None if self.environ.get("NATS_CONTEXT") else self._nats_url):
            settings = BrokerSettings.from_environment({**self.environ, "NATS_URL": url})
            return settings.nats_url, settings.credentials()
        if name := self.environ.get("NATS_CONTEXT"):
            file = self._named(name)
        else:
            file = context_file(users_folder(self.data))
            if not file.exists():
                return None
        context = _context(file)
        return context.url, context.access()

    def _named(self, name: str) -> Path:
        """Return the file of a context, which is named by path or as the ``nats`` command line names it."""
        if "/" in name or name.endswith(".json"):
            return Path(name).expanduser()
        config = Path(self.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
        return config / "nats" / "context" / f"{name}.json"


def locate_portal(
    layout: InstallLayout, environ: Mapping[str, str], selected: SelectedPortal
) -> PortalLocation:
    """Locate the selected portal, or where it would be if `up` started it."""
    data = Path(environ.get("OPSROOM_DATA") or layout.data).expanduser()
    if selected.record and selected.record.data:
        data = selected.record.data
    return PortalLocation(selected, data, environ, layout.command)


def _context(file: Path) -> Context:
    try:
        return Context.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"opsroom: the context {file}: {error.strerror}") from None
    except ValidationError as error:
        fault = first_fault(error)
        said = f"{fault.field}: {fault.reason}" if fault.field else fault.reason
        raise UsageError(f"opsroom: the context {file}: {said}") from None
