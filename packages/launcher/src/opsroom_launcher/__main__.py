"""`python -m opsroom_launcher`: what `./opsroom` becomes once the environment stands."""

import os
import sys
from pathlib import Path

from opsroom_launcher import checks, handover
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
    Status,
    Up,
    parse,
)
from opsroom_launcher.errors import RefusedError


def main() -> int:
    """Do what the command line asks; the exit code says how it went."""
    command = parse(sys.argv[1:], os.environ)
    try:
        return _do(command, Path(os.environ.get(handover.ROOT) or Path.cwd()))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read what we print has enough, as `head` has; Python would write the rest at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _do(command: Command, root: Path) -> int:
    match command:
        case Explain(text):
            print(text, end="")
            return 0
        case Up(options):
            if sys.platform == "win32":
                raise RefusedError("opsroom: `up` runs on Linux and macOS; on Windows run it inside WSL")
            # Imported here, not above: it stands on what only POSIX has.
            from opsroom_launcher.up import up  # noqa: PLC0415

            return up(options, root)
        case Client(arguments):
            from opsroom_client.cli.main import main as client  # noqa: PLC0415 - and it costs time to import

            return client(arguments)
        case Complete():
            from opsroom_launcher.completing import complete  # noqa: PLC0415 - as above

            return complete()
        case Status() | Doctor():
            from opsroom_launcher import inspecting  # noqa: PLC0415 - as above

            look = inspecting.status if isinstance(command, Status) else inspecting.doctor
            return look(root, os.environ)
        case RunTests() | RunPytest() | Check() | Docs() | HandOver():
            return _run_steps(command, root)


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
