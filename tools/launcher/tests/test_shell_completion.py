"""Completion of `./opsroom` in a real bash."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from opsroom_launcher.install.install_layout import InstallLayout
from opsroom_launcher.shell_completion import complete

TAUGHT = """
set -eu
eval "$(./opsroom completion bash)"
complete -p opsroom
after() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _opsroom_completion ./opsroom
    echo "${COMPREPLY[*]}"
}
after ./opsroom s
after ./opsroom up --nats
"""
PATIENCE_SECONDS = 120


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
async def test_its_own_commands_and_those_of_the_client_are_completed(tmp_path: Path) -> None:
    script = tmp_path / "opsroom"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m opsroom_launcher "$@"\n')
    script.chmod(0o755)
    bash = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", TAUGHT), cwd=tmp_path, env=dict(os.environ), stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(bash.communicate(), PATIENCE_SECONDS)
    assert (bash.returncode, err) == (0, b"")
    taught, commands, options = out.decode().splitlines()
    # Bash completes the command by this name in any folder, ./opsroom included.
    assert taught.split()[-3:] == ["-F", "_opsroom_completion", "opsroom"]
    assert commands.split() == ["schedules", "search", "servers", "status"]
    assert options.split() == ["--nats", "--nats-port"]


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (
            "status --",
            ["plain,--url", "plain,--token-file", "plain,--output", "plain,--json", "plain,--help"],
        ),
        ("up --ephemeral --data /d --nats-", ["plain,--nats-port"]),
        ("up --data x", ["dir,x"]),
        ("doctor --output j", ["plain,json"]),
        ("status --token-file x", ["file,x"]),
        ("te", []),
    ],
)
def test_options_and_paths_of_an_installation(
    words: str,
    completions: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_OPSROOM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"opsroom {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    with pytest.raises(SystemExit):
        complete(InstallLayout(tmp_path))
    assert capsys.readouterr().out.split() == completions
