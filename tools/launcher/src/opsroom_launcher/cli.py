"""The command line of `./opsroom`: its commands and their parser.

The bootstrap parses in the Python of the machine, where only the standard library exists, so that help and
mistakes need no installation (decision 0033).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from opsroom_launcher.options import OneLineParser, UpOptions, add_options, up_options

_EXAMPLES = """\
examples:
  ./opsroom up                          the whole portal at http://127.0.0.1:8000, its data kept
  ./opsroom up --port 9000 --ephemeral  another port, and nothing kept
  ./opsroom up --delay 0.5              cloud operations that take half a second
  ./opsroom up --docker                 run servers as containers of the Docker engine here
  ./opsroom up --nats nats://broker:4222
  ./opsroom invite bob --role operator  a link that signs bob in, once
  ./opsroom test                        all linters and tests
  ./opsroom test -- -k presence         only the tests that pytest selects by this

`./opsroom COMMAND --help` lists a command's options; those of `up` can be environment variables too.

chat, servers, rooms, search, moderate, people, invite, bots, hooks, export, import, status and doctor use the
portal that --url or OPSROOM_URL names, else the one at PORT, else the one that was started last from here and
still runs, else http://127.0.0.1:8000.
"""


_MODULES = {"bench": "bench", "faults": "tests.faults", "fuzz": "tests.fuzz"}
"""Commands that parse their own options, --help included, and the packages that implement them."""


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """Print the help, because no command was given."""

    text: str


@dataclass(frozen=True, slots=True)
class Up:
    """Run the portal."""

    options: UpOptions


@dataclass(frozen=True, slots=True)
class RunTests:
    """Run linters and tests; with arguments for pytest after `--`, run pytest alone."""

    only: str | None = None
    """The one step to run; None means all."""
    repeat_failed: bool = False
    """Whether to repeat failed tests, one at a time."""


@dataclass(frozen=True, slots=True)
class RunPytest:
    """Run pytest alone."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Run the linters and the type checker."""


@dataclass(frozen=True, slots=True)
class Docs:
    """Generate the reference pages, and build the documentation into .opsroom/site."""


@dataclass(frozen=True, slots=True)
class RunModule:
    """Run a package of the repository, which parses its own options."""

    name: str
    package: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunClient:
    """Run the command line of the client."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortalOptions:
    """The options that select a portal, the token to use with it, and the format of the output."""

    url: str | None = None
    token_file: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Show the services with their replicas, and the streams with their lag, as the broker reports them."""

    options: PortalOptions = PortalOptions()


@dataclass(frozen=True, slots=True)
class Doctor:
    """Check ports, broker, permissions, disk and clock, and say what to do."""

    options: PortalOptions = PortalOptions()


@dataclass(frozen=True, slots=True)
class ShowVersion:
    """Print the version."""


@dataclass(frozen=True, slots=True)
class Complete:
    """Print shell completions."""


Command = (
    ShowHelp
    | Up
    | RunTests
    | RunPytest
    | Check
    | RunModule
    | RunClient
    | Status
    | Doctor
    | Docs
    | Complete
    | ShowVersion
)

_PLAIN: dict[str, Command] = {"check": Check(), "docs": Docs()}
_CLIENT_COMMANDS = {
    "chat": "talk from the terminal (--help)",
    "servers": "list, command and watch servers (--help)",
    "rooms": "create, join and leave rooms (--help)",
    "files": "send and get files (--help)",
    "search": "find messages, servers and Worklog entries (--help)",
    "moderate": "remove messages, mute and ban, for admins (--help)",
    "people": "list people and invitations, for admins (--help)",
    "invite": "invite a person: print a link that signs them in, once (--help)",
    "bots": "make, list and remove bots (--help)",
    "hooks": "make, list and remove addresses that monitors post to (--help)",
    "export": "write rooms and messages to a file (--help)",
    "import": "import an export, also of Slack or Mattermost, for admins (--help)",
    "completion": "print the completion script of a shell (--help)",
}
_LAUNCHER_COMMANDS = {
    "up": "run the whole portal, broker included",
    "test": "run the linters and all tests",
    "check": "run the linters and the type checker alone",
    "bench": "measure it (options: ./opsroom bench --help)",
    "status": "services, replicas, streams and lag",
    "doctor": "find out why it does not work",
    "docs": "build the documentation",
    "faults": "inject faults under load (options: ./opsroom faults --help)",
    "fuzz": "fuzz it with random cases (options: ./opsroom fuzz --help)",
}
CHECKOUT_COMMANDS = ("test", "check", "bench", "docs", "faults", "fuzz")
"""The commands that need sources and tests. They are not offered if Opsroom is installed from wheels."""
_COMPLETE_VARIABLE = "_OPSROOM_COMPLETE"
"""Set by the scripts of `completion`, which the client prints."""

_PORTAL_OPTIONS = ("--url", "--token-file")
"""They may precede the commands that use a running portal."""
_PORTAL_COMMANDS = (
    *("chat", "servers", "rooms", "files", "search", "moderate", "people", "invite", "bots", "hooks"),
    *("export", "import"),
    *("status", "doctor"),
)
_UP_HINT = ": it starts a portal, at --host and --port"


def parse(arguments: Sequence[str], environ: Mapping[str, str], *, installed: bool = False) -> Command:
    """Parse the command line. Help and mistakes end the process (exit codes 0 and 2), as with argparse.

    ``installed``: Opsroom is installed from wheels, so there is no checkout to test, measure or document.
    """
    if environ.get(_COMPLETE_VARIABLE) and not arguments:
        return Complete()
    if installed and arguments and arguments[0] in CHECKOUT_COMMANDS:
        _refuse(arguments[0])
    if handed := _delegated(arguments):
        return handed
    parser, parsers = _parsers(installed=installed)
    own, for_pytest = _split(_command_first(parser, arguments))
    flags = parser.parse_args(own)
    if flags.version:
        return ShowVersion()
    return _command(parser, parsers, flags, for_pytest, environ)


def _command(
    parser: OneLineParser,
    parsers: Mapping[str, OneLineParser],
    flags: argparse.Namespace,
    for_pytest: tuple[str, ...],
    environ: Mapping[str, str],
) -> Command:
    match flags.command:
        case "status":
            return Status(_portal_options(flags))
        case "doctor":
            return Doctor(_portal_options(flags))
        case "up":
            return Up(up_options(parsers["up"], flags, environ))
        case "test":
            return _test(parsers["test"], RunTests(flags.only, flags.repeat_failed), for_pytest)
        case _:
            return _PLAIN.get(flags.command) or ShowHelp(parser.format_help())


def _portal_options(flags: argparse.Namespace) -> PortalOptions:
    return PortalOptions(flags.url, flags.token_file, flags.output == "json")


def _delegated(arguments: Sequence[str]) -> Command | None:
    """Return the command if it parses its own options."""
    first = arguments[0] if arguments else ""
    if first in _MODULES:
        return RunModule(first, _MODULES[first], tuple(arguments[1:]))
    _, rest = _after_options(arguments)
    return RunClient(tuple(arguments)) if rest and rest[0] in _CLIENT_COMMANDS else None


def _parsers(*, installed: bool) -> tuple[OneLineParser, dict[str, OneLineParser]]:
    """Build the parser of the command line, and those of the commands by name."""
    parser = OneLineParser(
        prog="opsroom",
        description="One room where a team talks and runs its cloud servers.",
        epilog=_examples(installed=installed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    parser.add_argument("--version", action="store_true", help="print the version")
    described = {"up": Up, "test": RunTests, "status": Status, "doctor": Doctor} | {
        name: type(plain) for name, plain in _PLAIN.items()
    }
    parsers = {
        name: commands.add_parser(
            name,
            help=explained,
            description=getattr(described.get(name), "__doc__", None),
            allow_abbrev=False,
        )
        for name, explained in (launcher_commands(installed=installed) | _CLIENT_COMMANDS).items()
    }
    for name, command in parsers.items():
        add_options(command, name)
    if not installed:
        parsers["test"].usage = "opsroom test [--only STEP] [--repeat-failed] [-- PYTEST_ARGUMENT ...]"
    return parser, parsers


def launcher_commands(*, installed: bool) -> dict[str, str]:
    """Return the commands that the launcher implements itself, with their descriptions."""
    return {
        name: about
        for name, about in _LAUNCHER_COMMANDS.items()
        if not (installed and name in CHECKOUT_COMMANDS)
    }


def _test(parser: OneLineParser, steps: RunTests, for_pytest: tuple[str, ...]) -> Command:
    if for_pytest and steps != RunTests():
        option = "--only" if steps.only else "--repeat-failed"
        parser.error(f"{option} can't be combined with arguments for pytest")
    return RunPytest(for_pytest) if for_pytest else steps


def _refuse(command: str) -> NoReturn:
    print(
        f"opsroom: `{command}` needs a checkout of the repository:"
        " an installation has no tests and no sources",
        file=sys.stderr,
    )
    sys.exit(2)


def _examples(*, installed: bool) -> str:
    if not installed:
        return _EXAMPLES
    lines = _EXAMPLES.replace("./opsroom", "opsroom").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("  opsroom test"))


def _after_options(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Split ``arguments`` after the options that may precede a command that uses a portal."""
    at = 0
    while at < len(arguments) and arguments[at].startswith(_PORTAL_OPTIONS):
        at += 2 if arguments[at] in _PORTAL_OPTIONS else 1  # --url URL, or --url=URL
    return arguments[:at], arguments[at:]


def _command_first(parser: OneLineParser, arguments: Sequence[str]) -> Sequence[str]:
    """Turn `--url URL status` into `status --url URL`. Commands that use no portal take no such option."""
    options, rest = _after_options(arguments)
    if not options or (rest and rest[0] in {"-h", "--help", "--version"}):
        return rest
    if not rest:
        parser.error(f"{options[0].partition('=')[0]}: a command must follow")
    if rest[0] not in {"status", "doctor"}:
        parser.error(
            f"{options[0].partition('=')[0]} selects a running portal for {', '.join(_PORTAL_COMMANDS)};"
            f" `{rest[0]}` is none of them{_UP_HINT if rest[0] == 'up' else ''}"
        )
    return [rest[0], *options, *rest[1:]]


def _split(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Split at the first `--`, for `test` only."""
    if arguments and arguments[0] == "test" and "--" in arguments:
        at = list(arguments).index("--")
        return list(arguments[:at]), tuple(arguments[at + 1 :])
    return list(arguments), ()
