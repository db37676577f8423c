"""Select the portal of a command, such as `chat`, `servers`, `invite`, `status` and completion.

1. ``--url``, else ``OPSROOM_URL``.
2. ``PORT``: the portal at that port of this machine, or of ``HOST``.
3. The running portal that was started last from here. From here means from this checkout, or, if
   Opsroom is installed from wheels, by this user.
4. The default port, 8000.

``OPSROOM_DATA``, ``NATS_URL`` and ``NATS_CONTEXT`` exclude portals with other data or another broker.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from opsroom_launcher.errors import UsageError
from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.portal.banner import redact_credentials
from opsroom_launcher.portal.ports import connect_host, format_host_port, is_loopback
from opsroom_launcher.selection.run_record import RunRecord
from opsroom_launcher.selection.run_records import list_running

DEFAULT_PORT = 8000
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SelectedPortal:
    """The selected portal."""

    url: str
    record: RunRecord | None = None
    """Its record; None: it was not started from here, or does not run."""
    others: tuple[RunRecord, ...] = ()
    """Other running portals, if nothing in the environment decided among them."""
    by_url: bool = False
    """Whether a URL selected it, so it may be on another machine."""

    @property
    def host(self) -> str:
        """The host of its gateway."""
        return self.record.host if self.record else urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of its gateway."""
        return self.record.port if self.record else _port(urlsplit(self.url))

    @property
    def tls(self) -> bool:
        """Whether its gateway uses TLS."""
        return urlsplit(self.url).scheme == "https"


def select_portal(
    layout: InstallLayout, environ: Mapping[str, str], url: str | None = None
) -> SelectedPortal:
    """Select a portal by the rule above; ``url``: the value of ``--url``.

    Raises:
        UsageError: the URL is invalid.
    """
    running = list_running(layout)
    named = url or environ.get("OPSROOM_URL")
    if named:
        parts = _checked(named, "--url" if url else "OPSROOM_URL")
        found = next((portal for portal in running if _is_at(portal, parts)), None)
        return SelectedPortal(named, found, by_url=True)
    meant = [portal for portal in running if _is_meant(environ, portal)]
    if port := _given_port(environ):
        found = next((portal for portal in meant if portal.port == port), None)
        return SelectedPortal(found.url if found else _local_url(environ, port), found)
    if meant:
        return SelectedPortal(meant[0].url, meant[0], tuple(meant[1:]))
    return SelectedPortal(_local_url(environ, DEFAULT_PORT))


def warn_of_others(selected: SelectedPortal) -> None:
    """Print on standard error which portal was selected, if several were possible."""
    if selected.others:
        others = ", ".join(portal.url for portal in selected.others)
        print(
            f"opsroom: using {selected.url}, the portal that was started last; also running: {others}"
            " (choose with --url, OPSROOM_URL or PORT)",
            file=sys.stderr,
        )


def _checked(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no port, a broken IPv6 address
        usable = False
    if not usable:
        raise UsageError(f"opsroom: {source} must be like http://host:8000, not {url!r}")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_at(portal: RunRecord, parts: SplitResult) -> bool:
    """Whether the URL is the one of ``portal``."""
    same_host = parts.hostname == portal.host or (parts.hostname == "localhost" and is_loopback(portal.host))
    return same_host and _port(parts) == portal.port and not parts.path.strip("/")


def _is_meant(environ: Mapping[str, str], portal: RunRecord) -> bool:
    """Whether no variable names other data or another broker than those of ``portal``."""
    data, nats_url = environ.get("OPSROOM_DATA"), environ.get("NATS_URL")
    if environ.get("NATS_CONTEXT"):
        return False
    if nats_url and redact_credentials(nats_url) != portal.nats_url:
        return False
    return not data or Path(data).expanduser().resolve() == portal.data


def _given_port(environ: Mapping[str, str]) -> int | None:
    """Return the port in the environment. 0, which means any free one to `up`, selects none."""
    port = environ.get("PORT", "")
    return int(port) or None if port.isascii() and port.isdigit() else None


def _local_url(environ: Mapping[str, str], port: int) -> str:
    scheme = "https" if environ.get("GATEWAY_TLS_CERT") else "http"
    return f"{scheme}://{format_host_port(connect_host(environ.get('HOST') or '127.0.0.1'), port)}"
