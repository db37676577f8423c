"""The files of broker accounts: private, stable, and accepted by nats-server."""

import asyncio
import json
import os
import sysconfig
from asyncio.subprocess import PIPE
from pathlib import Path

from opsroom_messaging.deployment.broker_accounts import main
from opsroom_messaging.deployment.private_files import context_file


def test_the_files_are_private_and_a_second_run_keeps_them(tmp_path: Path) -> None:
    main(tmp_path, "nats://broker:4222")
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    main(tmp_path, "nats://broker:4222")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}
    assert json.loads(context_file(tmp_path).read_text())["url"] == "nats://broker:4222"


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
