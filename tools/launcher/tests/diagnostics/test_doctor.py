"""`./opsroom status` and `./opsroom doctor`, with a running portal and without."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from opsroom_launcher.install.install_layout import checkout_layout
from opsroom_messaging.deployment.private_files import OPERATOR, context_file, password_file
from opsroom_testkit.ports import free_port
from opsroom_testkit.waiting import until
from tools.launcher.tests.portal.test_up import Portal, portal
from tools.launcher.tests.processes import is_running

PATIENCE_SECONDS = 60


async def opsroom(command: str, **environ: str) -> tuple[int | None, list[list[str]], str]:
    """Run a command. Returns the exit code, the words of each line, and stderr."""
    code, out, err = await raw(command, **environ)
    return code, [line.split() for line in out.splitlines()], err


async def raw(command: str, **environ: str) -> tuple[int | None, str, str]:
    """Run a command. Returns the exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opsroom_launcher", *command.split()),
        env=os.environ | environ,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, out.decode(), err.decode()


def verdicts(lines: list[list[str]]) -> dict[str, str]:
    """Return the status by the first word of the check."""
    return {line[1]: line[0] for line in lines[1:]}


async def test_a_running_portal_is_shown_and_found_well(tmp_path: Path) -> None:
    # Other commands of the same root find the record, if no variable selects another portal.
    root = tmp_path / "root"
    untold = dict.fromkeys(("OPSROOM_DATA", "PORT", "NATS_URL", "NATS_CONTEXT"), "")
    untold["OPSROOM_ROOT"] = str(root)
    async with portal("--data", str(tmp_path), OPSROOM_ROOT=str(root)) as running:
        await running.ready()
        port = running.web.rpartition(":")[2]
        password_file(tmp_path / "users", OPERATOR).chmod(0o644)
        # For brokers in containers only the operator's context is needed, as for the `nats` command line.
        context = {
            "OPSROOM_DATA": str(tmp_path / "none"),
            "XDG_CONFIG_HOME": str(tmp_path),
            "NATS_CONTEXT": "ours",
        }
        kept = tmp_path / "nats" / "context" / "ours.json"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(context_file(tmp_path / "users").read_bytes())
        answers = await asyncio.gather(
            opsroom("status", **untold),
            opsroom("doctor", **untold),
            opsroom("status", **context),
            opsroom("doctor", **context, PORT=port),
        )
        (code, lines, complaints), (doctor_code, findings, _), (by_context, shown, _), (_, examined, _) = (
            answers
        )
        assert [line[-1] for line in findings if line[1:3] == ["port", "of"]] == [f"127.0.0.1:{port}"]
        assert (by_context, [line[:2] for line in shown]) == (code, [line[:2] for line in lines])
        assert verdicts(examined)["clock"] == "ok"
        assert (code, complaints) == (0, "")
        assert {line[0] for line in lines if line} > {"chat", "cloud", "gateway", "CHAT", "MEMBERS", "CLOUD"}
        found = verdicts(findings)
        assert doctor_code == 0
        assert found["passwords"] == "warning"
        assert {found[check] for check in ("port", "broker", "clock", "data")} == {"ok"}
        await check_output_for_programs(untold)
        await check_that_what_was_killed_is_not_taken_for_running(running, root, tmp_path)


async def check_output_for_programs(environ: dict[str, str]) -> None:
    shown, checked = await asyncio.gather(raw("status --json", **environ), raw("doctor -o json", **environ))
    (line,) = shown[1].splitlines()
    status = json.loads(line)
    services = {replica["service"] for replica in status["replicas"]}
    assert services == {"chat", "cloud", "gateway", "incidents"}
    found = [json.loads(line) for line in checked[1].splitlines()]
    assert {"clock", "passwords", "disk"} <= {one["check"] for one in found}
    assert {one["status"] for one in found} == {"ok", "warning"}
    assert all(one["advice"] for one in found if one["status"] == "warning")
    assert (shown[0], checked[0]) == (0, 0)


async def check_that_what_was_killed_is_not_taken_for_running(
    running: Portal, root: Path, data: Path
) -> None:
    family = running.family()
    (record,) = checkout_layout(root).run_dir.iterdir()
    await running.stop(signal.SIGKILL)
    await until(lambda: not any(is_running(pid) for pid in family.values()))
    assert record.exists()
    place = {"OPSROOM_ROOT": str(root), "PORT": str(free_port()), "NATS_URL": "", "NATS_CONTEXT": ""}
    by_root, by_data = await asyncio.gather(
        opsroom("status", **place, OPSROOM_DATA=""), opsroom("status", **place, OPSROOM_DATA=str(data))
    )
    kept = root / ".opsroom" / "data"
    assert by_root == (3, [], f"opsroom: nothing runs in {kept} (start it: ./opsroom up)\n")
    assert by_data == (3, [], f"opsroom: nothing runs in {data} (start it: ./opsroom up)\n")


async def test_without_a_running_portal_the_output_says_what_to_do(tmp_path: Path) -> None:
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
    assert (code, lines) == (3, [])
    assert complaints == f"opsroom: nothing runs in {tmp_path} (start it: ./opsroom up)\n"
    assert doctor_code == 1
    assert verdicts(findings)["port"] == "failed"
    assert verdicts(findings)["broker's"] == "failed"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "No such file or directory"),
        ("{", "Invalid JSON"),
        ('{"url": 4222}', "url: must be text"),
    ],
)
async def test_a_context_that_cannot_be_used_is_named(
    tmp_path: Path, text: str | None, complaint: str
) -> None:
    file = tmp_path / "operator.json"
    if text is not None:
        file.write_text(text)
    code, lines, complaints = await opsroom("status", NATS_URL="", NATS_CONTEXT=str(file))
    assert (code, lines) == (2, [])
    assert complaints.startswith(f"opsroom: the context {file}: {complaint}")


async def test_a_wrong_or_unreachable_address_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for command in ("status", "doctor"):
        wrong = await raw(f"{command} --url ftp://x")
        assert wrong == (2, "", "opsroom: --url must be like http://host:8000, not 'ftp://x'\n")
        variable = await raw(command, OPSROOM_URL="nonsense")
        assert variable == (2, "", "opsroom: OPSROOM_URL must be like http://host:8000, not 'nonsense'\n")
    code, out, err = await raw(f"--url {url} status", NATS_URL="", OPSROOM_DATA="", NATS_CONTEXT="")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert url in err
