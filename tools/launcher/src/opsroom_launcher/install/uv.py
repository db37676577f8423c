"""Find uv, or install it from PyPI into the repository."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.progress import Program, run_shown
from opsroom_launcher.install.uv_wheel import install_wheel

OLDEST = (0, 13)
"""The workspace's packages need uv_build of this version, which such a uv includes."""
_REQUIREMENT = "uv>=0.13,<0.14"
_RELEASE = "0.13"
_ANSWER_SECONDS = 30.0
_INSTALL_SECONDS = 900.0


def find_uv(tools: Path) -> Path:
    """Return the uv on PATH if it is new enough, else the one in ``tools``, installed if needed.

    Raises:
        RefusedError: there is none and it can't be installed.
    """
    private = tools / "uv"
    binary = private / ("Scripts/uv.exe" if sys.platform == "win32" else "bin/uv")
    for candidate in (shutil.which("uv"), binary):
        if candidate and _version(candidate) >= OLDEST:
            return Path(candidate)
    print("opsroom: installing uv", file=sys.stderr)
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        install_wheel(_RELEASE, binary)  # Debian's plain python3 has neither pip nor venv
        return binary
    python = private / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    run_installer([sys.executable, "-m", "venv", "--clear", private])
    run_installer([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _REQUIREMENT])
    return binary


def sync(uv: Path, root: Path, *, development: bool) -> None:
    """Sync the environment with the lock file. A sync for `up` does not remove the tools of `test`.

    `up` builds the documentation, so it needs the group for that.

    Raises:
        RefusedError: uv failed; its output is on the terminal.
    """
    group = [] if development else ["--no-dev", "--group", "docs", "--inexact"]
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    run_installer([uv, "sync", "--frozen", *quiet, *group, "--python", sys.executable, "--project", root])


def install_into(uv: Path, folder: Path, *requirements: str) -> None:
    """Install ``requirements`` into ``folder``, which needn't be an environment.

    Raises:
        RefusedError: uv failed; it has said why.
    """
    run_installer(
        [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *requirements]
    )


def run_installer(argv: Sequence[str | Path]) -> None:
    """Run an installer with the current environment variables, so that its settings (UV_*, PIP_*) apply.

    Raises:
        RefusedError: it failed; its output is on the terminal.
    """
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    # Use the Python that started ./opsroom, and never download another.
    environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
    program = Program(_named(argv), tuple(map(str, argv)), Path.cwd(), _INSTALL_SECONDS, environ)
    try:
        code = _run(program)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"opsroom: {_named(argv)} took more than {_INSTALL_SECONDS:g} s") from None
    except OSError as error:
        raise RefusedError(f"opsroom: can't run {_named(argv)}: {error}") from error
    if code:
        raise RefusedError(f"opsroom: {_named(argv)} failed (exit {code}); its output is above")


def _run(program: Program) -> int:
    if sys.stderr.isatty() and shows_progress(program.argv):
        return subprocess.run(
            program.argv, env=program.environ, check=False, timeout=program.timeout
        ).returncode
    return run_shown(program, sys.stderr.buffer)


def shows_progress(argv: Sequence[str]) -> bool:
    """Whether an installer shows its own progress on a terminal: uv does, unless it is to be quiet."""
    return Path(argv[0]).name in {"uv", "uv.exe"} and "--quiet" not in argv


def _named(argv: Sequence[str | Path]) -> str:
    return " ".join([Path(argv[0]).name, *map(str, argv[1:4])])


def _version(uv: str | Path) -> tuple[int, ...]:
    """Return the version of ``uv``; an empty tuple, which sorts first, if it can't be run."""
    try:
        answer = subprocess.run(
            [uv, "--version"], check=True, capture_output=True, text=True, timeout=_ANSWER_SECONDS
        ).stdout
        return tuple(int(part) for part in answer.split()[1].split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ()
