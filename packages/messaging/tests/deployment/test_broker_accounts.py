"""The files of broker accounts: private, stable, and accepted by nats-server."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from argparse import ArgumentTypeError
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from opsroom_messaging.deployment.broker_accounts import bot_argument, main
from opsroom_messaging.deployment.private_files import context_file, password_file


def test_the_files_are_private_and_a_second_run_keeps_them(tmp_path: Path) -> None:
    main(tmp_path, "nats://broker:4222")
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    main(tmp_path, "nats://broker:4222")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}
    assert json.loads(context_file(tmp_path).read_text())["url"] == "nats://broker:4222"


def test_each_named_provider_has_its_own_agent_and_a_shared_one_stays_until_its_folder_is_deleted(
    tmp_path: Path,
) -> None:
    def users() -> list[str]:
        text = (tmp_path / "nats" / "authorization.conf").read_text()
        return [one["user"] for one in json.loads("{" + text + "}")["authorization"]["users"]]

    services = ["gateway", "chat", "cloud", "incidents"]
    main(tmp_path, "nats://broker:4222")
    assert users() == [*services, "agent", "operator"]
    shared = password_file(tmp_path, "agent").read_text()
    main(tmp_path, "nats://broker:4222", providers=["rack-1", "rack-2"])
    assert users() == [*services, "agent", "operator", "agent-rack-1", "agent-rack-2"]
    assert password_file(tmp_path, "agent").read_text() == shared
    shutil.rmtree(tmp_path / "agent")
    shutil.rmtree(tmp_path / "agent-rack-2")
    main(tmp_path, "nats://broker:4222")
    assert users() == [*services, "operator", "agent-rack-1"]


@pytest.mark.parametrize("name", ["Rack", "a.b", "../x", ">", ""])
def test_a_name_that_can_not_be_that_of_a_provider_is_refused(tmp_path: Path, name: str) -> None:
    assert f"{name!r} must match" in _refused(tmp_path, f"--agent={name}")


def _refused(folder: Path, option: str) -> str:
    module = "opsroom_messaging.deployment.broker_accounts"
    command = [sys.executable, "-m", module, str(folder), "nats://broker:4222", option]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert list(folder.iterdir()) == []
    return run.stderr


def test_a_named_bot_has_a_user_which_stays(tmp_path: Path) -> None:
    main(tmp_path, "nats://broker:4222", bots=["ship"])
    password = password_file(tmp_path, "bot-ship").read_text()
    main(tmp_path, "nats://broker:4222")
    assert password_file(tmp_path, "bot-ship").read_text() == password
    assert '"bot-ship"' in (tmp_path / "nats" / "authorization.conf").read_text()


@pytest.mark.parametrize("name", ["chat", "opsroom", "Ship", "a.b", "*"])
def test_a_name_that_a_bot_can_not_have_is_refused(name: str) -> None:
    with pytest.raises(ArgumentTypeError):
        bot_argument(name)


async def test_nats_server_accepts_the_cluster_configuration(tmp_path: Path) -> None:
    main(tmp_path, "nats://127.0.0.1:4222", ["127.0.0.1", "localhost"])
    secret = tmp_path / "nats" / "cluster.conf"
    assert secret.stat().st_mode & 0o077 == 0
    before = secret.read_text()
    main(tmp_path, "nats://127.0.0.1:4222", ["127.0.0.1", "localhost"])
    assert secret.read_text() == before
    config = Path(__file__).parents[4] / "deploy" / "nats" / "cluster.conf"
    (tmp_path / "cluster.conf").write_text(config.read_text())
    (tmp_path / "secret").symlink_to(tmp_path / "nats")
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    process = await asyncio.create_subprocess_exec(
        server, "-t", "-c", tmp_path / "cluster.conf", env={**os.environ, "NATS_NAME": "one"}, stderr=PIPE
    )
    _, output = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output
