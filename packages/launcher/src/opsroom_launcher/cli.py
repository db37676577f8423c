"""What can be asked of `./opsroom`, and how it is asked."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsroom_launcher.options import OneLineParser, UpOptions, add_up_options, up_options

_EXAMPLES = """\
examples:
  ./opsroom up                          the whole portal at http://127.0.0.1:8000, data kept in .opsroom/data
  ./opsroom up --port 9000 --ephemeral  another port, and nothing kept
  ./opsroom up --delay 0.5              cloud operations that take half a second
  ./opsroom up --nats nats://broker:4222
  ./opsroom test                        everything the project is held to
  ./opsroom test -- -k presence         only the tests that pytest picks by this

`./opsroom COMMAND --help` lists a command's options; those of `up` can be environment variables too.
"""


_PACKAGES = {"bench": "bench", "faults": "tests.faults", "fuzz": "tests.fuzz"}
"""Commands whose options are their own, --help included, and the packages that have them."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Nothing was asked: say what can be."""

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


@dataclass(frozen=True, slots=True)
class RunPytest:
    """Run pytest alone."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Run the linters and the type checker."""


@dataclass(frozen=True, slots=True)
class Docs:
    """Make what is made from the code anew, and build the documentation into .opsroom/site."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hand over to a package of the repository, which has its own options."""

    name: str
    package: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """Hand over to the command line of the client."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """Show the services with their replicas, and the streams with their lag, as the broker tells them."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Check ports, broker, permissions, disk and clock, and say what to do."""


@dataclass(frozen=True, slots=True)
class Complete:
    """Answer a shell that wants to know what can follow."""


Command = Explain | Up | RunTests | RunPytest | Check | HandOver | Client | Status | Doctor | Docs | Complete

_PLAIN: dict[str, Command] = {"check": Check(), "status": Status(), "doctor": Doctor(), "docs": Docs()}
_OF_THE_CLIENT = {
    "chat": "talk from the terminal (--help)",
    "servers": "list, command and watch servers (--help)",
    "moderate": "remove messages, mute and ban, for admins (--help)",
    "completion": "teach a shell to complete all this (--help)",
}
OWN = {
    "up": "run the whole portal, broker included",
    "test": "run the linters and all tests",
    "check": "run the linters and the type checker alone",
    "bench": "measure it (options: ./opsroom bench --help)",
    "status": "services, replicas, streams and lag",
    "doctor": "find what keeps it from working",
    "docs": "build the documentation",
    "faults": "break it under load (options: ./opsroom faults --help)",
    "fuzz": "attack it by cases at random (options: ./opsroom fuzz --help)",
}
"""The commands that the client hasn't."""
_COMPLETE_VARIABLE = "_OPSROOM_COMPLETE"
"""Set by the scripts of `completion`, which the client prints."""

_OPTIONS_OF_THE_CLIENT = ("--url", "--token-file")
"""They may stand before its commands."""


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Command:
    """Read the command line. Help and mistakes end the process (exit codes 0 and 2), as argparse has it."""
    if environ.get(_COMPLETE_VARIABLE) and not arguments:
        return Complete()
    if arguments and arguments[0] in _PACKAGES:
        return HandOver(arguments[0], _PACKAGES[arguments[0]], tuple(arguments[1:]))
    if arguments and (arguments[0] in _OF_THE_CLIENT or arguments[0].startswith(_OPTIONS_OF_THE_CLIENT)):
        return Client(tuple(arguments))
    own, for_pytest = _split(arguments)
    parser = OneLineParser(
        prog="opsroom",
        description="One room where a team talks and runs its cloud servers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    described = {"up": Up, "test": RunTests} | {name: type(plain) for name, plain in _PLAIN.items()}
    parsers = {
        name: commands.add_parser(
            name,
            help=explained,
            description=getattr(described.get(name), "__doc__", None),
            allow_abbrev=False,
        )
        for name, explained in (OWN | _OF_THE_CLIENT).items()
    }
    up = parsers["up"]
    add_up_options(up)
    parsers["test"].usage = "opsroom test [--only STEP] [-- PYTEST_ARGUMENT ...]"
    parsers["test"].add_argument("--only", metavar="STEP", help="run one step, by its name in the summary")
    flags = parser.parse_args(own)
    match flags.command:
        case "up":
            return Up(up_options(up, flags, environ))
        case "test":
            if for_pytest and flags.only:
                parsers["test"].error("--only and arguments for pytest exclude each other")
            return RunPytest(for_pytest) if for_pytest else RunTests(flags.only)
        case _:
            return _PLAIN.get(flags.command) or Explain(parser.format_help())


def _split(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """What stands before the first `--` and, for `test` only, what stands behind it."""
    if arguments and arguments[0] == "test" and "--" in arguments:
        at = list(arguments).index("--")
        return list(arguments[:at]), tuple(arguments[at + 1 :])
    return list(arguments), ()
