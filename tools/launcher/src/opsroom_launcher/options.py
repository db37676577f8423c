"""The options of the commands, parsed and validated here. Those of `up` are environment variables too."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from opsroom_launcher.portal.ports import is_loopback
from opsroom_launcher.portal.replicas import MAX_REPLICAS, ONE_EACH, Replicas, read_replicas

_DEFAULT_DATA = ".opsroom/data in a checkout, else ~/.local/share/opsroom/data"
MAX_DELAY_SECONDS = 3600.0

_BROKER_SCHEMES = ("nats", "tls", "ws", "wss")
ACCESS = ("open", "token", "oidc")
"""The modes of `opsroom_contracts`, which is not installed yet when options are first parsed."""
AGENTS = ("docker", "exec", "hetzner", "simulated")
"""The kinds of `opsroom_agent`, which is not installed yet either."""
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The validated options of `up`."""

    host: str
    port: int
    """0 means any free one."""
    data: Path | None
    """Absolute, or relative to the working directory; None means the default of the installation."""
    ephemeral: bool
    delay: float
    """Seconds that a cloud operation takes."""
    nats_url: str | None
    """An outside broker; None means the embedded one."""
    nats_port: int | None
    """The embedded broker's; None means 4222 if it is free and else any free one."""
    access: str | None = None
    """The access mode; None means open, which is refused if other machines can connect."""
    replicas: Replicas = ONE_EACH
    course_ports: tuple[int, ...] = ()
    """Ports of the course's chat and dashboard, each without a path prefix; 0 means any free one."""
    agent: str | None = None
    """The kind of the agent that runs beside the services; None means no agent."""
    small: bool = False
    """Whether chat, cloud and incidents share one process."""


class OneLineParser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line, without the usage, and exits with code 2."""

    def error(self, message: str) -> NoReturn:
        """Print the mistake and exit."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def read_port(text: str) -> int:
    """Parse a TCP port; 0 means any free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, not {text!r}")
    return int(text)


def read_course_ports(text: str) -> tuple[int, ...]:
    """Parse the ports of the course's chat and dashboard, such as ``3000,3001``."""
    ports = tuple(read_port(part.strip()) for part in text.split(","))
    if len(ports) != 2 or ports[0] == ports[1] != 0:
        raise argparse.ArgumentTypeError(f"must be two ports, as in 3000,3001, not {text!r}")
    return ports


def read_delay(text: str) -> float:
    """Parse a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_DELAY_SECONDS:  # false for NaN too
        raise argparse.ArgumentTypeError(f"must be seconds from 0 to {MAX_DELAY_SECONDS:g}, not {text!r}")
    return seconds


def read_switch(text: str) -> bool:
    """Parse the value of a boolean environment variable."""
    word = text.lower()
    if word not in _TRUE + _FALSE:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(_TRUE + _FALSE)}, not {text!r}")
    return word in _TRUE


def read_host(text: str) -> str:
    """Parse a host name or address to listen on. Binding shows whether it belongs to this machine."""
    if not text or text != text.strip() or "/" in text:
        raise argparse.ArgumentTypeError(f"must be a host name or an IP address, not {text!r}")
    return text


def read_access(text: str) -> str:
    """How users are authenticated."""
    if text not in ACCESS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(ACCESS)}, not {text!r}")
    return text


def read_agent(text: str) -> str:
    """What an agent runs servers with."""
    if text not in AGENTS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(AGENTS)}, not {text!r}")
    return text


def read_folder(text: str) -> Path:
    """Parse the path of a folder, which needn't exist yet."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("must name a folder")
    return Path(text).expanduser()


def read_broker_url(text: str) -> str:
    """Parse the URL of a broker, or those of a cluster separated by commas."""
    for url in text.split(","):
        try:
            parts = urlsplit(url)
            usable = parts.scheme in _BROKER_SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no port, a broken IPv6 address
            usable = False
        if not usable:
            raise argparse.ArgumentTypeError("must be like nats://host:4222, several separated by commas")
    return text


def add_options(parser: argparse.ArgumentParser, command: str) -> list[argparse.Action]:
    """Add the options of the launcher's ``command`` to ``parser``, and return them."""
    match command:
        case "up":
            return _add_up_options(parser)
        case "test":
            only = "run one step, by its name in the summary"
            repeat = "repeat tests that failed, one at a time; what passes then is reported as unstable"
            return [
                parser.add_argument("--only", metavar="STEP", help=only),
                parser.add_argument("--repeat-failed", action="store_true", help=repeat),
            ]
        case "status" | "doctor":
            url = "the portal (OPSROOM_URL; see docs/client.md for the rule)"
            token = "file with the token (or OPSROOM_TOKEN)"  # noqa: S105 - a description
            return [
                parser.add_argument("--url", help=url),
                parser.add_argument("--token-file", type=Path, metavar="FILE", help=token),
                *_add_output_options(parser),
            ]
        case _:
            return []


def _add_output_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add the options that the client's commands have, too."""
    output = "for people, or as JSON with one object per line (default: table)"
    same = "the same as --output json"
    return [
        parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help=output),
        parser.add_argument("--json", dest="output", action="store_const", const="json", help=same),
    ]


def _add_up_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # An absent flag stays None, so that the environment applies.
    add = parser.add_argument
    return [
        add("--host", type=read_host, help="address to listen on (HOST; 127.0.0.1)"),
        add(
            "--access",
            type=read_access,
            metavar="MODE",
            help="who may do what: open, token or oidc (GATEWAY_ACCESS; open, if nobody else can connect)",
        ),
        add("--port", type=read_port, help="port of the page and the API, 0 for any (PORT; 8000)"),
        add(
            "--course-ports",
            type=read_course_ports,
            metavar="CHAT,CLOUD",
            help="two more ports for clients of the course's servers (GATEWAY_COURSE_PORTS; none)",
        ),
        add(
            "--data",
            type=read_folder,
            metavar="DIR",
            help=f"where data is kept (OPSROOM_DATA; {_DEFAULT_DATA})",
        ),
        add(
            "--ephemeral",
            action="store_true",
            default=None,
            help="keep nothing after the stop (OPSROOM_EPHEMERAL)",
        ),
        add(
            "--delay",
            type=read_delay,
            metavar="SECONDS",
            help="how long a cloud operation takes (CLOUD_DELAY_SECONDS; 10)",
        ),
        add(
            "--nats",
            type=read_broker_url,
            metavar="URL",
            help="use this broker, not an embedded one (NATS_URL)",
        ),
        add(
            "--nats-port",
            type=read_port,
            metavar="PORT",
            help="port of the embedded broker (NATS_PORT; 4222, or any free one if that is taken)",
        ),
        add(
            "--docker",
            dest="agent",
            action="store_const",
            const="docker",
            help="run servers as containers of the Docker engine here: the same as --agent docker",
        ),
        add(
            "--agent",
            type=read_agent,
            metavar="KIND",
            help=f"run an agent, too: {', '.join(AGENTS)} (OPSROOM_AGENT; none)",
        ),
        add(
            "--replicas",
            type=read_replicas,
            metavar="SERVICE=N,…",
            help=(
                f"processes of each service, 1 to {MAX_REPLICAS}, or auto: one a core (OPSROOM_REPLICAS; 1)"
            ),
        ),
        add(
            "--small",
            action="store_true",
            default=None,
            help="for a small machine: chat, cloud and incidents in one process (OPSROOM_SMALL)",
        ),
    ]


def up_options(
    parser: argparse.ArgumentParser, flags: argparse.Namespace, environ: Mapping[str, str]
) -> UpOptions:
    """Resolve every option: the flag if given, else the variable, else the default.

    A value out of its limits, or two that contradict each other, end the process through ``parser.error``.
    """
    _refuse_contradictions(parser, flags)
    settle = _Settler(parser, environ)
    ephemeral = settle(flags.ephemeral, "OPSROOM_EPHEMERAL", read_switch)
    embedded_asked = flags.data or flags.ephemeral or flags.nats_port is not None
    nats_url = None if embedded_asked else settle(flags.nats, "NATS_URL", read_broker_url)
    host = settle(flags.host, "HOST", read_host) or "127.0.0.1"
    access = settle(flags.access, "GATEWAY_ACCESS", read_access)
    if access is None and not is_loopback(host):
        parser.error(
            f"others can connect to {host}: choose who may do what with --access token, oidc,"
            " or open (anyone can chat and control servers)"
        )
    if access is not None:
        _require_settings(parser, access, environ)
    replicas = settle(flags.replicas, "OPSROOM_REPLICAS", read_replicas) or ONE_EACH
    if flags.small and not replicas.can_share:
        parser.error("--small runs one process of chat, cloud and incidents: leave out their replicas")
    return UpOptions(
        host=host,
        port=_or(settle(flags.port, "PORT", read_port), 8000),
        data=settle(flags.data, "OPSROOM_DATA", read_folder),
        # --data wins over OPSROOM_EPHEMERAL.
        ephemeral=bool(ephemeral) and not flags.data,
        delay=_or(settle(flags.delay, "CLOUD_DELAY_SECONDS", read_delay), 10.0),
        nats_url=nats_url,
        nats_port=settle(flags.nats_port, "NATS_PORT", read_port),
        access=access,
        replicas=replicas,
        course_ports=settle(flags.course_ports, "GATEWAY_COURSE_PORTS", read_course_ports) or (),
        agent=settle(flags.agent, "OPSROOM_AGENT", read_agent),
        # Several processes of a service win over OPSROOM_SMALL, which images set.
        small=bool(settle(flags.small, "OPSROOM_SMALL", read_switch)) and replicas.can_share,
    )


def _refuse_contradictions(parser: argparse.ArgumentParser, flags: argparse.Namespace) -> None:
    if flags.data and flags.ephemeral:
        parser.error("--data and --ephemeral can't be combined")
    if flags.nats and (flags.data or flags.ephemeral or flags.nats_port is not None):
        parser.error(
            "--data, --ephemeral and --nats-port are for the embedded broker: leave them out with --nats"
        )


def _require_settings(parser: argparse.ArgumentParser, access: str, environ: Mapping[str, str]) -> None:
    """Refuse an access mode without the settings that the gateway needs for it, before anything is built."""
    tokens = environ.get("GATEWAY_TOKENS_FILE") or environ.get("GATEWAY_TOKENS")
    if access == "token" and not tokens:
        parser.error(
            "--access token needs GATEWAY_TOKENS_FILE or GATEWAY_TOKENS; to make a token:"
            " python -m opsroom_gateway.auth.static_tokens NAME ROLE >> FILE (docs/access.md)"
        )
    issuer = environ.get("GATEWAY_OIDC_ISSUER") and environ.get("GATEWAY_OIDC_CLIENT_ID")
    if access == "oidc" and not issuer:
        parser.error("--access oidc needs GATEWAY_OIDC_ISSUER and GATEWAY_OIDC_CLIENT_ID (docs/access.md)")


def _or(value: _T | None, default: _T) -> _T:
    return default if value is None else value


@dataclass(frozen=True, slots=True)
class _Settler:
    parser: argparse.ArgumentParser
    environ: Mapping[str, str]

    def __call__(self, given: _T | None, variable: str, read: Callable[[str], _T]) -> _T | None:
        """Return the flag's value if given, else that of ``variable``. An empty variable counts as unset."""
        text = self.environ.get(variable, "")
        if given is not None or not text:
            return given
        try:
            return read(text)
        except argparse.ArgumentTypeError as error:
            self.parser.error(f"{variable}: {error}")
