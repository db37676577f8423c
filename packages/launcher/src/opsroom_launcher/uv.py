"""Finds uv, or gets it from PyPI into a folder of the repository's own."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.progress import Program, run_shown
from opsroom_launcher.uv_wheel import install_wheel

OLDEST = (0, 13)
"""The workspace's packages are built by uv_build of this release, which such a uv brings with it."""
_REQUIREMENT = "uv>=0.13,<0.14"
_RELEASE = "0.13"
_ANSWER_SECONDS = 30.0
_INSTALL_SECONDS = 900.0


def find_uv(tools: Path) -> Path:
    """The uv on PATH if it is new enough, else one in ``tools``, installed there if need be.

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
    """Make the environment what the lock file says. Never removes what `test` needs when `up` is asked for.

    Raises:
        RefusedError: uv failed; it has said why.
    """
    group = [] if development else ["--no-dev", "--inexact"]
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    run_installer([uv, "sync", "--frozen", *quiet, *group, "--python", sys.executable, "--project", root])


def install_into(uv: Path, folder: Path, *requirements: str) -> None:
    """Unpack ``requirements`` into ``folder``, which needn't be an environment.

    Raises:
        RefusedError: uv failed; it has said why.
    """
    run_installer(
        [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, *requirements]
    )


def run_installer(argv: Sequence[str | Path]) -> None:
    """Run an installer with the environment as it is, so that its own settings (UV_*, PIP_*) hold.

    Raises:
        RefusedError: it failed; it has said why.
    """
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    # The Python that ./opsroom was started with is the one to use; another is never downloaded.
    environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
    program = Program(_named(argv), tuple(map(str, argv)), Path.cwd(), _INSTALL_SECONDS, environ)
    try:
        code = _run(program)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"opsroom: {_named(argv)} took more than {_INSTALL_SECONDS:g} s") from None
    except OSError as error:
        raise RefusedError(f"opsroom: can't run {_named(argv)}: {error}") from error
    if code:
        raise RefusedError(f"opsroom: {_named(argv)} failed (exit {code}); its own words are above")


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
    """The release of ``uv``; empty, which is older than all, if it can't be run."""
    try:
        answer = subprocess.run(
            [uv, "--version"], check=True, capture_output=True, text=True, timeout=_ANSWER_SECONDS
        ).stdout
        return tuple(int(part) for part in answer.split()[1].split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ()
