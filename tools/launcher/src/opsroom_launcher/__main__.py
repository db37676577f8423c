"""`python -m opsroom_launcher`: what `./opsroom` runs once the environment is installed."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from opsroom_launcher.cli import (
    Check,
    Command,
    Complete,
    Docs,
    Doctor,
    RunClient,
    RunModule,
    RunPytest,
    RunTests,
    ShowHelp,
    ShowVersion,
    Status,
    Up,
    parse,
)
from opsroom_launcher.dev import steps as checks
from opsroom_launcher.errors import EXIT_INTERRUPTED, RefusedError
from opsroom_launcher.install.install_layout import InstallLayout, find_layout
from opsroom_launcher.options import UpOptions
from opsroom_launcher.standard_streams import run_with_streams


def main(page: Path | None = None) -> int:
    """Run the command line and return the exit code. ``page``: the built page that was installed with us."""
    return run_with_streams(lambda: _run(page))


def _run(page: Path | None) -> int:
    try:
        layout = find_layout(os.environ, page)
        return _do(parse(sys.argv[1:], os.environ, installed=layout.root is None), layout)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _do(command: Command, layout: InstallLayout) -> int:
    match command:
        case ShowHelp() | ShowVersion():
            print(_text(command), end="")
            return 0
        case Up(options):
            return _up(options, layout)
        case RunClient(arguments):
            return _client(arguments, layout)
        case Complete():
            from opsroom_launcher.shell_completion import complete  # noqa: PLC0415 - as above

            return complete(layout)
        case Status() | Doctor():
            return _inspect(command, layout)
        case RunTests() | RunPytest() | Check() | Docs() | RunModule():
            return _run_steps(command, layout.root or Path.cwd())


def _text(command: ShowHelp | ShowVersion) -> str:
    return command.text if isinstance(command, ShowHelp) else f"opsroom {version('opsroom-launcher')}\n"


def _up(options: UpOptions, layout: InstallLayout) -> int:
    if sys.platform == "win32":
        raise RefusedError("opsroom: `up` runs on Linux and macOS; on Windows run it inside WSL")
    # Not imported at the top: it uses modules that exist on POSIX only.
    from opsroom_launcher.portal.up import up  # noqa: PLC0415

    return up(options, layout)


def _client(arguments: tuple[str, ...], layout: InstallLayout) -> int:
    from opsroom_client.cli.main import main as client  # noqa: PLC0415 - and it costs time to import

    if sys.platform == "win32":
        return client(arguments)  # `up` does not run there, so nothing is recorded
    from opsroom_launcher.selection.client_target import target_server  # noqa: PLC0415 - as above

    return client(arguments, target_server(layout, os.environ))


def _inspect(command: Status | Doctor, layout: InstallLayout) -> int:
    if isinstance(command, Status):
        from opsroom_launcher.diagnostics.status import status  # noqa: PLC0415 - as above

        return status(layout, os.environ, command.options)
    from opsroom_launcher.diagnostics.doctor import doctor  # noqa: PLC0415 - as above

    return doctor(layout, os.environ, command.options)


def _run_steps(command: RunTests | RunPytest | Check | Docs | RunModule, root: Path) -> int:
    match command:
        case RunTests(only, repeat_failed):
            return checks.run_all(checks.test_steps(root, only), repeat_failed=repeat_failed)
        case RunPytest(arguments):
            return checks.run_alone(checks.pytest_step(root, arguments))
        case Check():
            return checks.run_all(checks.check_steps(root))
        case Docs():
            return checks.run_all(checks.docs_steps(root))
        case RunModule(name, package, arguments):
            return checks.run_alone(checks.package_step(root, name, package, arguments))


if __name__ == "__main__":
    sys.exit(main())
