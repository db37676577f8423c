"""Every broker of the portal closes the connection of a process that hangs."""

import asyncio
import json
import sysconfig
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from opsroom_messaging.deployment.broker_settings import PINGS
from opsroom_testkit.ports import free_port, listens
from opsroom_testkit.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[4]
SUBSCRIBE = b'CONNECT {"verbose":false}\r\nSUB chat.send chat 1\r\nPING\r\n'


@pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
def test_the_brokers_of_docker_compose_have_the_settings(name: str) -> None:
    lines = (ROOT / "deploy" / "nats" / name).read_text().splitlines()
    assert {f"{setting}: {json.dumps(value)}" for setting, value in PINGS.items()} <= set(lines)


def test_the_brokers_of_the_chart_have_the_settings() -> None:
    _, _, values = (ROOT / "deploy" / "kubernetes" / "nats-values.yaml").read_text().partition("\n")
    assert json.loads(values)["config"]["merge"].items() >= PINGS.items()


async def test_a_member_of_a_queue_group_that_hangs_is_disconnected(tmp_path: Path) -> None:
    port, config = free_port(), tmp_path / "nats.conf"
    settings = PINGS | {"host": "127.0.0.1", "port": port, "ping_interval": "100ms"}  # not 5 s
    config.write_text(json.dumps(settings))
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    process = await asyncio.create_subprocess_exec(server, "-c", config, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await listens(port):
                await asyncio.sleep(0.02)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(SUBSCRIBE)
            received = await reader.read()  # until the broker closes, since no ping gets a pong
        assert received.count(b"PING\r\n") == PINGS["ping_max"]
        assert b"Stale Connection" in received
        writer.close()
    finally:
        process.terminate()
        await process.wait()
