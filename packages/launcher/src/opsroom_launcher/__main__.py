"""`python -m opsroom_launcher`: what `./opsroom` becomes once the environment stands."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from opsroom_launcher import checks
from opsroom_launcher.cli import (
    Check,
    Client,
    Command,
    Complete,
    Docs,
    Doctor,
    Explain,
    HandOver,
    RunPytest,
    RunTests,
    ShowVersion,
    Status,
    Up,
    parse,
)
from opsroom_launcher.errors import RefusedError
from opsroom_launcher.home import Home, home_of
from opsroom_launcher.options import UpOptions


def main(page: Path | None = None) -> int:
    """Do what the command line asks; the exit code says how it went. ``page``: what was installed with us."""
    try:
        home = home_of(os.environ, page)
        return _do(parse(sys.argv[1:], os.environ, installed=home.root is None), home)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read what we print has enough, as `head` has; Python would write the rest at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _do(command: Command, home: Home) -> int:
    match command:
        case Explain() | ShowVersion():
            print(_text(command), end="")
            return 0
        case Up(options):
            return _up(options, home)
        case Client(arguments):
            return _client(arguments, home)
        case Complete():
            from opsroom_launcher.completing import complete  # noqa: PLC0415 - as above

            return complete(home)
        case Status(named) | Doctor(named):
            from opsroom_launcher import inspecting  # noqa: PLC0415 - as above

            look = inspecting.status if isinstance(command, Status) else inspecting.doctor
            return look(home, os.environ, named)
        case RunTests() | RunPytest() | Check() | Docs() | HandOver():
            return _run_steps(command, home.root or Path.cwd())


def _text(command: Explain | ShowVersion) -> str:
    return command.text if isinstance(command, Explain) else f"opsroom {version('opsroom-launcher')}\n"


def _up(options: UpOptions, home: Home) -> int:
    if sys.platform == "win32":
        raise RefusedError("opsroom: `up` runs on Linux and macOS; on Windows run it inside WSL")
    # Imported here, not above: it uses modules that only POSIX has.
    from opsroom_launcher.up import up  # noqa: PLC0415

    return up(options, home)


def _client(arguments: tuple[str, ...], home: Home) -> int:
    from opsroom_client.cli.main import main as client  # noqa: PLC0415 - and it costs time to import

    if sys.platform == "win32":
        return client(arguments)  # `up` does not run there, so nothing is recorded
    from opsroom_launcher.meant import meant_by  # noqa: PLC0415 - as above

    return client(arguments, meant_by(home, os.environ))


def _run_steps(command: RunTests | RunPytest | Check | Docs | HandOver, root: Path) -> int:
    match command:
        case RunTests(only):
            return checks.run_all(checks.test_steps(root, only))
        case RunPytest(arguments):
            return checks.run_alone(checks.pytest_step(root, arguments))
        case Check():
            return checks.run_all(checks.check_steps(root))
        case Docs():
            return checks.run_all(checks.docs_steps(root))
        case HandOver(name, package, arguments):
            return checks.run_alone(checks.package_step(root, name, package, arguments))


if __name__ == "__main__":
    sys.exit(main())
