"""Install the environment that everything else runs in, and start the launcher in it.

This runs in the Python of the machine, before anything is installed. The environment is `.venv`. A stamp in
it records what it was installed from, so a start with nothing to do calls no installer.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

from opsroom_launcher import env_vars
from opsroom_launcher.cli import (
    Command,
    Complete,
    Doctor,
    RunClient,
    RunTests,
    ShowHelp,
    ShowVersion,
    Status,
    Up,
    parse,
)
from opsroom_launcher.dev.versions import version_of
from opsroom_launcher.errors import EXIT_INTERRUPTED, RefusedError
from opsroom_launcher.install import docs_site, frontend
from opsroom_launcher.install.environment import Environment
from opsroom_launcher.install.file_lock import file_lock
from opsroom_launcher.install.node import node_folder
from opsroom_launcher.install.progress import Program, run_logged
from opsroom_launcher.install.uv import find_uv, sync
from opsroom_launcher.portal.ports import free_port
from opsroom_launcher.standard_streams import run_with_streams

_TOOLS = Path(".opsroom", "tools")
_LOCK = Path(".opsroom", "install.lock")
_BYTECODE = Path(".opsroom", "bytecode")
_PAGE_LOG = Path(".opsroom", "page.log")
_PAGE_SECONDS = 600.0
_DOCS_LOG = Path(".opsroom", "docs.log")
_DOCS_SECONDS = 120.0
_LOCK_SECONDS = 900.0
"""The first installation takes minutes on a slow connection."""


def main(root: str, arguments: Sequence[str]) -> NoReturn:
    """Run the command line ``arguments`` in the environment of the repository at ``root``. Never returns."""
    sys.exit(run_with_streams(lambda: _start(root, arguments)))


def _start(root: str, arguments: Sequence[str]) -> int:
    """Return the exit code, or start the launcher instead of this process."""
    started = time.time()
    command = parse(
        arguments, os.environ
    )  # before anything is installed, so that mistakes and --help need not wait
    if isinstance(command, ShowHelp):
        print(command.text, end="")
        return 0
    if isinstance(command, ShowVersion):
        print(f"opsroom {version_of(Path(root))}")
        return 0
    environment = Environment.of(Path(root), os.environ)
    if isinstance(command, Complete) and not environment.is_current(development=False):
        return 0  # the Tab key must not install anything
    try:
        path = prepare(Path(root), environment, command)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    environ = {**with_bytecode_cache(os.environ, Path(root)), "PATH": path}
    environ |= {env_vars.ROOT: root, env_vars.STARTED: repr(started)}
    return _exec([str(environment.python), "-m", "opsroom_launcher", *arguments], environ)


def with_bytecode_cache(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return ``environ`` with a bytecode cache outside the sources if it forbids one beside them.

    Without a cache, every process compiles all its modules at every start, which doubles the start time.
    """
    kept = dict(environ)
    if kept.get("PYTHONDONTWRITEBYTECODE") and not kept.get("PYTHONPYCACHEPREFIX"):
        del kept["PYTHONDONTWRITEBYTECODE"]
        kept["PYTHONPYCACHEPREFIX"] = str(root.absolute() / _BYTECODE)
    return kept


def prepare(root: Path, environment: Environment, command: Command) -> str:
    """Install what ``command`` needs and is missing. Returns the PATH to run it with.

    Raises:
        RefusedError: something can't be installed, or the portal's port is taken.
    """
    if isinstance(command, Up):
        # `up` checks again. Checking here as well reports a taken port before minutes of installation.
        free_port(command.options.host, command.options.port, "--port or --host")
    development = not isinstance(command, Up | RunClient | Status | Doctor | Complete)
    if not environment.is_current(development=development):
        with file_lock(root / _LOCK, _LOCK_SECONDS):
            _install(environment, root, development=development)
    path = os.environ.get("PATH", os.defpath)
    if isinstance(command, RunTests) and frontend.exists(root):
        with file_lock(root / _LOCK, _LOCK_SECONDS):
            path = _path_with_node(root)
    if isinstance(command, Up) and frontend.exists(root):
        if not frontend.page_is_current(root):
            with file_lock(root / _LOCK, _LOCK_SECONDS):
                _build_page(root)
        _add_docs(root, environment)
    return path


def _path_with_node(root: Path) -> str:
    path = os.environ.get("PATH", os.defpath)
    node = node_folder(root / _TOOLS)
    return f"{node}{os.pathsep}{path}" if node else path


def _build_page(root: Path) -> None:
    """Build the page. The services run without one, so a failure is only reported."""
    if frontend.page_is_current(root):
        return  # built by another ./opsroom while this one waited for the lock
    output = root / _PAGE_LOG
    _report(f"building the page (its log: {output})")
    try:
        environ = {**os.environ, "PATH": _path_with_node(root)}
        with output.open("wb") as log:
            for step in frontend.build_steps(root):
                _build_step(root, step, environ, log)
    except (RefusedError, OSError, subprocess.SubprocessError) as error:
        _report(f"continuing without the page ({error}); see {output}")


def _build_step(root: Path, step: tuple[str, ...], environ: Mapping[str, str], log: BinaryIO) -> None:
    argv = (shutil.which(step[0], path=environ["PATH"]) or step[0], *step[1:])
    program = Program(" ".join(step[:3]), argv, root / frontend.FOLDER, _PAGE_SECONDS, environ)
    if code := run_logged(program, log, _report):
        raise subprocess.CalledProcessError(code, argv)


def _add_docs(root: Path, environment: Environment) -> None:
    """Build the documentation and put it next to the page. A failure is only reported."""
    page = frontend.built_page(root)
    if page is None or docs_site.is_current(root, page):
        return
    output = root / _DOCS_LOG
    _report(f"building the documentation (its log: {output})")
    try:
        with file_lock(root / _LOCK, _LOCK_SECONDS), output.open("wb") as log:
            if docs_site.is_current(root, page):
                return  # built by another ./opsroom while this one waited for the lock
            command = docs_site.build_command(environment.python)
            program = Program("zensical build", command, root, _DOCS_SECONDS)
            if code := run_logged(program, log, _report):
                raise subprocess.CalledProcessError(code, command)
            docs_site.finish(root / docs_site.SITE)
            docs_site.install(root / docs_site.SITE, page)
    except (RefusedError, docs_site.SiteError, OSError, subprocess.SubprocessError) as error:
        _report(f"continuing without the documentation ({error}); see {output}")


def _report(line: str) -> None:
    print(f"opsroom: {line}", file=sys.stderr, flush=True)


def _install(environment: Environment, root: Path, *, development: bool) -> None:
    if environment.is_current(development=development):
        return  # made by another ./opsroom while this one waited for the lock
    print("opsroom: installing the packages in uv.lock", file=sys.stderr)
    sync(find_uv(root / _TOOLS), root, development=development)
    if not environment.python.exists():
        raise RefusedError(f"opsroom: uv made no environment at {environment.folder}")
    environment.mark(development=development)


def _exec(argv: list[str], environ: Mapping[str, str]) -> int:
    """Replace this process with another program; on Windows, run it and return its code."""
    if sys.platform == "win32":
        return subprocess.run(argv, env=environ, check=False).returncode
    sys.stdout.flush()
    sys.stderr.flush()
    return os.execve(argv[0], argv, environ)  # noqa: S606 - no shell is meant
