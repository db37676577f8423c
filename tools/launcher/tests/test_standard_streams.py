"""Commands whose standard streams are full or closed: an exit code and at most one line, no traceback."""

import asyncio
import shlex
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
SCRIPT = shlex.join([sys.executable, str(REPOSITORY / "opsroom")])
INSTALLED = shlex.join([sys.executable, "-m", "opsroom_launcher"])
NO_SPACE = "opsroom: can't write to standard output: No space left on device\n"
NO_SUCH = "opsroom: COMMAND: invalid choice: 'nonsense'"
UNREACHABLE = "opsroom: http://127.0.0.1:9 can't be reached"

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


async def shell(line: str) -> tuple[int | None, str]:
    """Run ``line``; returns the exit code and what is on standard error."""
    process = await asyncio.create_subprocess_shell(line, stdout=PIPE, stderr=PIPE)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, err.decode()


@pytest.mark.parametrize(
    "command",
    [
        f"{SCRIPT} --version",
        f"{SCRIPT} --help",
        f"{INSTALLED} doctor --url http://127.0.0.1:9",
        f"{INSTALLED} servers --help",
        f"{INSTALLED} completion bash",
    ],
)
async def test_a_full_disk_is_one_line_and_a_failure(command: str) -> None:
    (full, said), (closed, nothing) = await asyncio.gather(
        shell(f"{command} >/dev/full"), shell(f"{command} >/dev/full 2>&1")
    )
    assert (full, said) == (1, NO_SPACE)
    assert (closed, nothing) == (1, "")


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        (f"{SCRIPT} --version", 0, ""),
        (f"{SCRIPT} nonsense", 2, NO_SUCH),
        (f"{INSTALLED} completion bash", 0, ""),
        (f"{INSTALLED} servers --url http://127.0.0.1:9 ls", 3, UNREACHABLE),
    ],
)
async def test_closed_streams_change_no_exit_code(command: str, code: int, complaint: str) -> None:
    outcomes = await asyncio.gather(
        shell(f"{command} >&-"),
        *(shell(f"{command} {closed}") for closed in ("2>/dev/full", ">&- 2>&- <&-")),
    )
    assert [outcome[0] for outcome in outcomes] == [code] * 3
    assert outcomes[0][1].startswith(complaint)
    assert outcomes[0][1].count("\n") <= 1
    assert [outcome[1] for outcome in outcomes[1:]] == [""] * 2


async def test_a_closed_pipe_is_a_failure_without_a_line() -> None:
    code, err = await shell(f"{{ {INSTALLED} completion bash; echo $? >&2; }} | true")
    assert (code, err) == (0, "1\n")
