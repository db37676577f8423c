"""What is printed once the portal is ready."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opsroom_launcher.portal.broker import users_folder
from opsroom_launcher.portal.ports import connect_host, format_host_port
from opsroom_messaging.deployment.broker_accounts import context_file


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the portal is reached, and where its data is."""

    host: str
    port: int
    nats_url: str
    data: Path | None
    """The embedded broker's folder; None with an outside broker."""
    kept: bool
    page: Path | None
    """The folder of the built page; None: there is none to serve."""
    tls: bool = False
    """Whether the gateway speaks TLS by itself."""

    @property
    def keeps_data(self) -> bool:
        """Whether there is a folder of ours that stays after the stop."""
        return self.data is not None and self.kept


def banner(addresses: Addresses, seconds: float) -> str:
    """Addresses, data and how to stop; ``seconds`` is how long the start took."""
    scheme = "https" if addresses.tls else "http"
    web = f"{scheme}://{format_host_port(connect_host(addresses.host), addresses.port)}"
    nats = redact_credentials(addresses.nats_url)
    return "\n".join(
        (
            "",
            f"Opsroom is ready, {seconds:.1f} s after the start.",
            "",
            f"  {'Page and API' if addresses.page else 'API':<15} {web}/",
            f"  API described   {web}/openapi.json",
            f"  Course servers  {web}/chat   {web}/cloud",
            f"  NATS            {nats}",
            f"                  nats {_proof(addresses, nats)} sub 'cloud.events.>'",
            f"  Data            {_data(addresses)}",
            f"  To stop         Ctrl-C, or kill {os.getpid()}",
            "",
        )
    )


def redact_credentials(urls: str) -> str:
    """Broker URLs, separated by commas, without the user names and passwords they may carry."""
    return ",".join(
        urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
        for url in urls.split(",")
    )


def _proof(addresses: Addresses, nats: str) -> str:
    """What the command line needs: the embedded broker's operator is in a file; of others we know the URL."""
    if addresses.data is None:
        return f"--server {nats}"
    return f"--context {shlex.quote(str(context_file(users_folder(addresses.data.resolve()))))}"


def _data(addresses: Addresses) -> str:
    if addresses.data is None:
        return "in the broker you named"
    if not addresses.kept:
        return "nothing is kept after the stop (--ephemeral)"
    return f"{addresses.data} (kept: the next start goes on from it)"
