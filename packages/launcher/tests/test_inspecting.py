"""`./opsroom status` and `./opsroom doctor`, on a real portal and where there is none."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from opsroom_messaging.permissions import OPERATOR
from opsroom_messaging.users import password_file
from packages.launcher.tests.test_up import portal

PATIENCE_SECONDS = 60


async def opsroom(command: str, **environ: str) -> tuple[int | None, list[list[str]], str]:
    """Exit code, the words of each line, and complaints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opsroom_launcher", command),
        env=os.environ | environ,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, [line.split() for line in out.decode().splitlines()], err.decode()


def verdicts(lines: list[list[str]]) -> dict[str, str]:
    """Verdict by the first word of the check."""
    return {line[1]: line[0] for line in lines[1:]}


async def test_a_running_portal_is_shown_and_found_well(tmp_path: Path) -> None:
    async with portal("--data", str(tmp_path)) as running:
        await running.ready()
        port = running.web.rpartition(":")[2]
        place = {"OPSROOM_DATA": str(tmp_path), "PORT": port}
        password_file(tmp_path / "users", OPERATOR).chmod(0o644)
        (code, lines, complaints), (doctor_code, findings, _) = await asyncio.gather(
            opsroom("status", **place), opsroom("doctor", **place)
        )
        assert (code, complaints) == (0, "")
        assert {line[0] for line in lines if line} > {"chat", "cloud", "gateway", "CHAT", "MEMBERS", "CLOUD"}
        found = verdicts(findings)
        assert doctor_code == 0
        assert found["passwords"] == "warning"
        assert {found[check] for check in ("port", "broker", "clock", "data")} == {"ok"}


async def test_where_nothing_runs_one_is_told_what_to_do(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with taken:
        place = {
            "OPSROOM_DATA": str(tmp_path),
            "PORT": str(taken.sockets[0].getsockname()[1]),
            "NATS_PORT": str(taken.sockets[0].getsockname()[1]),
            "NATS_URL": "",
        }
        (code, lines, complaints), (doctor_code, findings, _) = await asyncio.gather(
            opsroom("status", **place), opsroom("doctor", **place)
        )
    assert (code, lines) == (1, [])
    assert complaints == f"opsroom: nothing runs in {tmp_path} (start it: ./opsroom up)\n"
    assert doctor_code == 1
    assert verdicts(findings)["port"] == "failed"
    assert verdicts(findings)["broker's"] == "failed"
