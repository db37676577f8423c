"""Which portal is meant: the one rule of `chat`, `servers`, `moderate`, `status`, `doctor` and completion.

1. ``--url``, else ``OPSROOM_URL``.
2. ``PORT``: the portal at that port of this machine, or of ``HOST``.
3. The portal that was started last from here and still runs. From here means from this checkout, or, where
   Opsroom is installed from wheels, by this user.
4. The default port, 8000.

``OPSROOM_DATA``, ``NATS_URL`` and ``NATS_CONTEXT`` exclude portals with other data or another broker.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from opsroom_launcher.banner import without_secrets
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.home import Home
from opsroom_launcher.listening import authority, is_loopback, reachable
from opsroom_launcher.records import running_in
from opsroom_launcher.running import Running

DEFAULT_PORT = 8000
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The portal that is meant."""

    url: str
    running: Running | None = None
    """Its record; None: it was not started from here, or does not run."""
    others: tuple[Running, ...] = ()
    """The portals that could have been meant as well: only without a word on which."""
    by_url: bool = False
    """Whether a URL names it, which may be anywhere."""

    @property
    def host(self) -> str:
        """The host of its gateway."""
        return self.running.host if self.running else urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of its gateway."""
        return self.running.port if self.running else _port(urlsplit(self.url))

    @property
    def tls(self) -> bool:
        """Whether its gateway speaks TLS."""
        return urlsplit(self.url).scheme == "https"


def choose(home: Home, environ: Mapping[str, str], url: str | None = None) -> Chosen:
    """Apply the rule; ``url`` is what ``--url`` says.

    Raises:
        RefusedError: the URL is none.
    """
    running = running_in(home)
    named = url or environ.get("OPSROOM_URL")
    if named:
        parts = _checked(named, "--url" if url else "OPSROOM_URL")
        found = next((portal for portal in running if _is_at(portal, parts)), None)
        return Chosen(named, found, by_url=True)
    meant = [portal for portal in running if _is_meant(environ, portal)]
    if port := _given_port(environ):
        found = next((portal for portal in meant if portal.port == port), None)
        return Chosen(found.url if found else _local_url(environ, port), found)
    if meant:
        return Chosen(meant[0].url, meant[0], tuple(meant[1:]))
    return Chosen(_local_url(environ, DEFAULT_PORT))


def tell_of_others(chosen: Chosen) -> None:
    """Say on standard error which one was chosen, where several could have been meant."""
    if chosen.others:
        others = ", ".join(portal.url for portal in chosen.others)
        print(
            f"opsroom: this is {chosen.url}, the portal started last; also running: {others}"
            " (choose by --url, OPSROOM_URL or PORT)",
            file=sys.stderr,
        )


def _checked(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no port, a broken IPv6 address
        usable = False
    if not usable:
        raise RefusedError(f"opsroom: {source} must be like http://host:8000, not {url!r}")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_at(portal: Running, parts: SplitResult) -> bool:
    """Whether the URL is that of ``portal``."""
    same_host = parts.hostname == portal.host or (parts.hostname == "localhost" and is_loopback(portal.host))
    return same_host and _port(parts) == portal.port and not parts.path.strip("/")


def _is_meant(environ: Mapping[str, str], portal: Running) -> bool:
    """Whether no variable names other data or another broker."""
    data, nats_url = environ.get("OPSROOM_DATA"), environ.get("NATS_URL")
    if environ.get("NATS_CONTEXT"):
        return False
    if nats_url and without_secrets(nats_url) != portal.nats_url:
        return False
    return not data or Path(data).expanduser().resolve() == portal.data


def _given_port(environ: Mapping[str, str]) -> int | None:
    """The port in the environment; 0, which asks `up` for any, names none."""
    port = environ.get("PORT", "")
    return int(port) or None if port.isascii() and port.isdigit() else None


def _local_url(environ: Mapping[str, str], port: int) -> str:
    scheme = "https" if environ.get("GATEWAY_TLS_CERT") else "http"
    return f"{scheme}://{authority(reachable(environ.get('HOST') or '127.0.0.1'), port)}"
