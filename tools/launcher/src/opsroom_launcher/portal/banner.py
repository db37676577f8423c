"""The banner that is printed when the portal is ready."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opsroom_launcher.portal.broker import users_folder
from opsroom_launcher.portal.ports import connect_host, format_host_port
from opsroom_messaging.deployment.private_files import context_file


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a portal, and the folder of its data."""

    host: str
    port: int
    nats_url: str
    data: Path | None
    """The embedded broker's folder; None with an external broker."""
    kept: bool
    page: Path | None
    """The folder of the built page; None: there is none to serve."""
    tls: bool = False
    """Whether the gateway serves TLS itself."""
    admin_token: Path | None = None
    """The file of the admin's token; None with an external broker."""
    course_ports: tuple[int, ...] = ()
    """The ports of the course's chat and dashboard, each without a path prefix, if any."""
    servers: str | None = None
    """What runs the servers, if there is something to say about it."""

    @property
    def keeps_data(self) -> bool:
        """Whether a data folder remains after the stop."""
        return self.data is not None and self.kept


def banner(addresses: Addresses, seconds: float, *, course: bool = True) -> str:
    """Format the addresses, the data folder and how to stop.

    ``seconds``: how long the start took. ``course``: whether the course contract is served.
    """
    scheme = "https" if addresses.tls else "http"
    web, *course_ports = (
        f"{scheme}://{format_host_port(connect_host(addresses.host), port)}"
        for port in (addresses.port, *addresses.course_ports)
    )
    nats = redact_credentials(addresses.nats_url)
    return "\n".join(
        (
            "",
            f"Opsroom is ready, {seconds:.1f} s after the start.",
            "",
            f"  {'Page and API' if addresses.page else 'API':<15} {web}/",
            f"  API described   {web}/openapi.json",
            *_course_lines(web, course_ports, served=course),
            f"  NATS            {nats}",
            f"                  nats {_proof(addresses, nats)} sub 'cloud.events.>'",
            *([] if addresses.admin_token is None else [f"  Admin's token   {addresses.admin_token}"]),
            *([] if addresses.servers is None else [f"  Servers         {addresses.servers}"]),
            f"  Data            {_data(addresses)}",
            f"  To stop         Ctrl-C, or kill {os.getpid()}",
            "",
        )
    )


def _course_lines(web: str, own_ports: list[str], *, served: bool) -> list[str]:
    """Where the course's clients connect; nothing if the gateway refuses them."""
    if not served:
        return []
    return [
        f"  Course servers  {web}/chat   {web}/cloud (an array, as in the text of the course)",
        f"                  {web}/dashboard (the same for clients that read .data)",
        *([f"                  {own_ports[0]}/ (chat)   {own_ports[1]}/ (.data)"] if own_ports else []),
    ]


def redact_credentials(urls: str) -> str:
    """Remove user names and passwords from broker URLs that are separated by commas."""
    return ",".join(
        urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
        for url in urls.split(",")
    )


def _proof(addresses: Addresses, nats: str) -> str:
    """The arguments for the `nats` command line: a context file for the embedded broker, else the URL."""
    if addresses.data is None:
        return f"--server {nats}"
    return f"--context {shlex.quote(str(context_file(users_folder(addresses.data.resolve()))))}"


def _data(addresses: Addresses) -> str:
    if addresses.data is None:
        return "in your broker"
    if not addresses.kept:
        return "deleted when Opsroom stops (--ephemeral)"
    return f"{addresses.data} (kept for the next start)"
